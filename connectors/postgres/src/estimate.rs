//! What the server's planner expects of a statement: EXPLAIN with its values bound; nothing runs.

use crate::connection::Sessions;
use crate::lease::Purpose;
use crate::{prepared, stream};
use celosia_connector_api::{ConnectorError, ErrorCode, Estimate, ExecutionContext, RenderedQuery};
use serde_json::Value as Json;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{AssertSqlSafe, Row};
use std::sync::Arc;

/// Asks for the plan of a statement.
pub(crate) async fn estimate(
    sessions: Arc<Sessions>,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Estimate, ConnectorError> {
    let arguments = prepared::bind(&query.parameters)?;
    let purpose = match stream::identity(context)? {
        Some(identity) => Purpose::Transaction(Some(identity)),
        None => Purpose::Once,
    };
    let mut lease = sessions.lease(&context.query_id, purpose, Some(context.deadline)).await?;
    let text = match plan(lease.connection()?, &query.sql, arguments).await {
        Ok(text) => text,
        Err(error) => return Err(lease.failed(error, "asking for a plan").await),
    };
    lease.complete().await?;
    read(&text)
        .ok_or_else(|| ConnectorError::new(ErrorCode::QueryFailed, "a plan without its cost"))
}

/// The server's plan of a statement, as JSON.
pub(crate) async fn plan(
    connection: &mut PgConnection,
    sql: &str,
    arguments: PgArguments,
) -> Result<String, sqlx::Error> {
    let sql = format!("EXPLAIN (FORMAT JSON) {sql}");
    let asked = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    asked.fetch_one(connection).await?.try_get_unchecked(0)
}

/// The numbers of a plan.
fn read(text: &str) -> Option<Estimate> {
    let plan: Json = serde_json::from_str(text).ok()?;
    let top = plan.get(0)?.get("Plan")?;
    let cost = top.get("Total Cost")?.as_f64()?;
    let (mut rows, mut steps) = (0.0_f64, vec![top]);
    while let Some(step) = steps.pop() {
        rows = rows.max(step.get("Plan Rows")?.as_f64()?);
        steps.extend(step.get("Plans").and_then(Json::as_array).into_iter().flatten());
    }
    Some(Estimate { cost, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_that_of_the_whole_and_the_rows_are_those_of_the_largest_step() {
        let plan = r#"[{"Plan": {"Node Type": "Aggregate", "Total Cost": 42.5, "Plan Rows": 1, "Plans": [
            {"Total Cost": 7.0, "Plan Rows": 900, "Plans": [{"Total Cost": 1, "Plan Rows": 1000}]}]}}]"#;
        assert_eq!(read(plan), Some(Estimate { cost: 42.5, rows: 1_000.0 }));
        for other in ["", "[]", "{}", r#"[{"Plan": {"Total Cost": "1"}}]"#] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
