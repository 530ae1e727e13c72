//! Charts as pages (MCP Apps): HTML that asks nobody for anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::MetaObject;
use serde_json::{Value as Json, json};

/// The media type of a page that a host shows in a sandbox.
pub(super) const PAGE: &str = "text/html;profile=mcp-app";
/// The media type of a picture.
pub(super) const PICTURE: &str = "image/svg+xml";
/// Where the picture is in a tool's result: beside what a model reads.
pub(super) const SVG: &str = "celosia/svg";

/// The page that shows the chart of the tool's result that its host hands to it.
pub(super) const VIEW: &str = include_str!("view.html");

/// A page with a picture in it. The picture is an image, which runs nothing and loads nothing, and no text
/// of it is a text of the page.
pub(super) fn page(svg: &str) -> String {
    let picture = STANDARD.encode(svg);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"><title>Chart</title>\
         <style>body{{margin:0;background:#fff}}img{{display:block;width:100%;height:auto}}</style></head>\
         <body><img alt=\"Chart of a query's result\" src=\"data:image/svg+xml;base64,{picture}\"></body>\
         </html>\n"
    )
}

/// What a host is told of a page: it needs no address and no permission.
pub(super) fn page_meta() -> MetaObject {
    object(json!({ "ui": { "csp": { "connectDomains": [], "resourceDomains": [] } } }))
}

/// Names the page that shows a tool's results.
pub(super) fn tool_meta(uri: &str) -> MetaObject {
    object(json!({ "ui": { "resourceUri": uri } }))
}

/// The picture of a result.
pub(super) fn result_meta(svg: String) -> MetaObject {
    object(json!({ SVG: svg }))
}

fn object(value: Json) -> MetaObject {
    MetaObject(match value {
        Json::Object(fields) => fields,
        _ => serde_json::Map::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_runs_its_own_script_alone() {
        use sha2::{Digest, Sha256};
        let script = VIEW.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(script));
        assert!(VIEW.contains(&format!("script-src 'sha256-{hash}'")), "the hash is {hash}");
        assert_eq!(VIEW.matches("<script").count(), 1);
    }

    #[test]
    fn no_page_asks_anybody() {
        for page in [VIEW, &page("<svg>\"><script>alert(1)</script></svg>")] {
            assert!(page.contains("default-src 'none'"), "{page}");
            for word in
                ["http:", "https:", "fetch(", "XMLHttpRequest", "innerHTML", "eval", "//cdn"]
            {
                assert!(!page.contains(word), "{word}: {page}");
            }
            assert!(!page.contains("alert"), "{page}");
        }
        assert!(!page("<svg/>").contains("<script"));
    }
}
