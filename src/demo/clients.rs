//! What to paste into AI clients.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// A question that needs both databases, and its SQL. Every role may ask it, and each sees another
/// answer.
pub const WORKED_QUESTION: (&str, &str) = (
    "Which customers have urgent tickets open, since when, and what have they spent with us?",
    "WITH urgent AS (
    SELECT customer_id, COUNT(*) AS tickets, MIN(opened_at) AS waiting_since
    FROM support.main.tickets
    WHERE priority = 'urgent' AND status <> 'closed'
    GROUP BY customer_id
),
spending AS (
    SELECT customer_id, SUM(total) AS spent
    FROM shop.main.orders
    WHERE status <> 'cancelled'
    GROUP BY customer_id
)
SELECT c.name, c.phone, c.region, u.tickets, u.waiting_since, s.spent
FROM urgent u
JOIN shop.main.customers c ON c.id = u.customer_id
LEFT JOIN spending s ON s.customer_id = c.id
ORDER BY s.spent DESC NULLS LAST, c.id
LIMIT 5",
);

/// Ready-to-paste configurations of the usual AI clients: over stdio the client starts `binary` with
/// `arguments`, over HTTP it sends `key` to `address`.
pub fn client_configs(
    binary: &Path,
    arguments: &[String],
    address: SocketAddr,
    key: &str,
) -> String {
    let url = format!("http://{address}/mcp");
    let command = json!({ "command": binary.display().to_string(), "args": arguments });
    let headers = json!({ "Authorization": format!("Bearer {key}") });
    let desktop = block(json!({ "mcpServers": { "celosia": command } }));
    let cursor = block(json!({ "mcpServers": { "celosia": { "url": url, "headers": headers } } }));
    let code = json!({ "type": "http", "url": url, "headers": headers });
    let code = block(json!({ "servers": { "celosia": code } }));
    let words = std::iter::once(binary.display().to_string()).chain(arguments.iter().cloned());
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    let words = words.join(" ");
    format!(
        "Claude Desktop (claude_desktop_config.json; it starts Celosia itself)\n{desktop}\n\n\
         Claude Code, over stdio (it starts Celosia itself)\n  \
         claude mcp add celosia -- {words}\n\n\
         Claude Code, over HTTP (while this is running)\n  \
         claude mcp add --transport http celosia {url} --header \"Authorization: Bearer {key}\"\n\n\
         Cursor (.cursor/mcp.json)\n{cursor}\n\n\
         VS Code (.vscode/mcp.json)\n{code}\n"
    )
}

fn block(config: Value) -> String {
    let text = serde_json::to_string_pretty(&config).unwrap_or_default();
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_gets_a_block_that_parses() {
        let address = "127.0.0.1:8017".parse().unwrap();
        let arguments = ["demo".to_string(), "--stdio".to_string()];
        let binary = Path::new("/opt/my tools/celosia");
        let text = client_configs(binary, &arguments, address, "cel_abc");
        let blocks: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(blocks.len(), 5);
        let json = |block: &str| {
            let (_, json) = block.split_once('\n').unwrap();
            serde_json::from_str::<Value>(json).unwrap()
        };
        let desktop = &json(blocks[0])["mcpServers"]["celosia"];
        assert_eq!(desktop["command"], "/opt/my tools/celosia");
        assert_eq!(desktop["args"], json!(["demo", "--stdio"]));
        assert!(
            blocks[1].ends_with("claude mcp add celosia -- '/opt/my tools/celosia' demo --stdio")
        );
        assert!(
            blocks[2]
                .contains("http://127.0.0.1:8017/mcp --header \"Authorization: Bearer cel_abc\"")
        );
        for server in [&json(blocks[3])["mcpServers"], &json(blocks[4])["servers"]] {
            assert_eq!(server["celosia"]["url"], "http://127.0.0.1:8017/mcp");
            assert_eq!(server["celosia"]["headers"]["Authorization"], "Bearer cel_abc");
        }
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("/usr/bin/celosia"), "/usr/bin/celosia");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
