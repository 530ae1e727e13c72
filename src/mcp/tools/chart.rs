//! `chart`: a kept result as a picture.

use super::fetch::HANDLE;
use super::{Call, ToolResult, reading, schema};
use crate::error::{Code, Error};
use crate::mcp::arguments::{Arguments, quoted};
use crate::mcp::artifact::{self, Artifact};
use crate::mcp::{reply, view};
use crate::query::ChartRequest;
use crate::results::{ChartKind, ChartSpec, legible};
use rmcp::model::{ContentBlock, Resource, Tool};
use serde_json::json;

pub(super) const NAME: &str = "chart";
/// Series of one chart.
const MOST_SERIES: usize = 6;

pub(super) fn definition() -> Tool {
    let mut tool = reading(
        NAME,
        "Draw a chart",
        "Draw a query's result, by its handle or receipt id. Aggregate in SQL first: it draws rows as \
         they are. Clients without apps get an SVG link.",
        json!({
            "type": "object",
            "properties": {
                "handle": { "type": "string", "description": HANDLE },
                "kind": { "type": "string", "enum": ["bar", "line", "scatter"] },
                "x": { "type": "string", "description": "Column along the bottom" },
                "y": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "1 to 6 columns of numbers"
                }
            },
            "required": ["handle", "kind", "x", "y"],
            "additionalProperties": false
        }),
    )
    .with_raw_output_schema(schema(json!({
        "type": "object",
        "properties": {
            "rows": { "type": "integer" },
            "left_out": { "type": "integer" },
            "svg": { "type": "string" },
            "page": { "type": "string" },
            "warnings": super::query::warnings_schema(),
            "error": { "type": "object" }
        }
    })));
    tool.meta = Some(view::tool_meta(artifact::VIEW));
    tool
}

pub(super) async fn call(call: Call<'_>, mut given: Arguments) -> ToolResult {
    let handle = given.text("handle", "\"the handle of a query's reply\"")?;
    let kind = given.text("kind", "\"bar\"")?;
    let x = given.text("x", "\"region\"")?;
    let y = given.texts("y", MOST_SERIES, "[\"total\"]")?;
    given.finish()?;
    let kind = ChartKind::named(&kind).ok_or_else(|| {
        let message = format!("chart: there is no kind {}", quoted(&kind));
        Error::new(Code::InvalidArgument, message)
            .with_hint("use \"kind\": \"bar\", \"line\" or \"scatter\"")
    })?;
    let chart = ChartSpec { kind, x, y };
    let request =
        ChartRequest { handle: handle.clone(), chart: chart.clone(), client: call.client };
    let drawn = call.backend.chart(call.principal, request).await?;
    let (drawing, mut warnings) = (drawn.drawing, drawn.warnings);
    if drawing.left_out > 0 {
        let left_out = drawing.left_out;
        warnings.push(format!("{left_out} rows are not in the chart; aggregate them in SQL"));
    }
    let picture = Artifact::Picture { handle: handle.clone(), chart: chart.clone() }.uri();
    let page = Artifact::Page { handle, chart: chart.clone() }.uri();
    let columns: Vec<_> = chart.y.iter().map(|column| legible(column)).collect();
    let mut text = format!(
        "A {} chart of {} rows: {} by {}.\nSVG: {picture}\n",
        kind.name(),
        drawing.rows,
        columns.join(", "),
        legible(&chart.x)
    );
    reply::lead_with_warnings(&mut text, &warnings);
    let structured = json!({
        "rows": drawing.rows,
        "left_out": drawing.left_out,
        "svg": picture,
        "page": page,
        "warnings": warnings,
    });
    let mut result = reply::success(text, structured);
    if call.links {
        let link = Resource::new(&picture, "chart.svg")
            .with_mime_type(view::PICTURE)
            .with_size(drawing.svg.len() as u64);
        result.content.push(ContentBlock::resource_link(link));
    }
    result.meta = Some(view::result_meta(drawing.svg));
    Ok(result)
}
