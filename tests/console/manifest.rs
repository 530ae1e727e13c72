//! The list of tools by plain HTTP.

use crate::mcp::client::{Client, LEGACY, MODERN};
use crate::mcp::http::Request;
use crate::mcp::server::Server;
use serde_json::json;

const PATH: &str = "/.well-known/mcp/tool-manifest.json";

#[test]
fn the_manifest_is_what_tools_list_says_to_the_same_caller() {
    let server = Server::shared();
    let manifest = |role: &str| {
        let reply = Request::get(PATH).bearer(&server.demo.key(role)).send(server.address);
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("private, max-age=30"));
        assert_eq!(reply.header("vary"), Some("Authorization"));
        reply.json()
    };
    for role in ["analyst", "support", "compliance"] {
        let found = manifest(role);
        for era in [LEGACY, MODERN] {
            let listed = Client::new(&server, role, era).result("tools/list", json!({}));
            assert_eq!(found["tools"], listed["tools"], "{role}");
        }
        assert_eq!(
            (&found["endpoint"], &found["server"]["name"]),
            (&json!("/mcp"), &json!("celosia"))
        );
        let tool = &found["tools"][2];
        for part in ["name", "title", "description", "inputSchema", "outputSchema", "annotations"] {
            assert!(!tool[part].is_null(), "{part}: {tool}");
        }
    }
    // What a role does not have is not told.
    let (analyst, support) = (manifest("analyst"), manifest("support"));
    assert_ne!(analyst["tools"], support["tools"]);
}

#[test]
fn the_manifest_is_nobodys() {
    let server = Server::shared();
    assert_eq!(Request::get(PATH).send(server.address).status, 401);
    assert_eq!(Request::get(PATH).bearer("cel_x").send(server.address).status, 401);
    let key = server.demo.key("analyst");
    let other = Request::get(PATH).bearer(&key).header("Origin", "https://evil.example.org");
    assert_eq!(other.send(server.address).status, 403);
    assert_eq!(Request::post("{}").to(PATH).bearer(&key).send(server.address).status, 405);
}
