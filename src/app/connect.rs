//! `celosia connect`: what each AI client wants to be told.

use super::Failure;
use crate::config::Config;
use crate::console::Setup;
use clap::ValueEnum;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

/// A client, or a library that clients are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// Claude Desktop, which starts Celosia itself
    ClaudeDesktop,
    /// Claude Code, over HTTP
    ClaudeCode,
    /// Claude Code, which starts Celosia itself
    ClaudeCodeStdio,
    /// Cursor, over HTTP
    Cursor,
    /// Visual Studio Code, over HTTP
    Vscode,
    /// A client that only starts programs, through mcp-remote
    McpRemote,
    /// LangChain (Python)
    Langchain,
    /// LlamaIndex (Python)
    Llamaindex,
    /// OpenAI Agents (Python)
    OpenaiAgents,
}

/// The variable that the examples take the key from.
const KEY: &str = "CELOSIA_KEY";

/// Runs the command: the text for the client on standard output, what to do with it on standard error.
pub(super) fn run(client: Client, config: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(config)?;
    let config = Config::load(config)?;
    let url = match &config.server.public_url {
        Some(url) => format!("{url}/mcp"),
        None => format!("http://{}/mcp", config.server.listen),
    };
    let binary = std::env::current_exe()?;
    let (text, advice) = written(client, &binary, &path, &url);
    writeln!(std::io::stderr(), "{advice}")?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// What a server that listens on `address` says of itself to clients that come by HTTP: whoever reads it is elsewhere, so
/// nothing of this machine is in it.
pub(super) fn setups(config: &Config, address: SocketAddr) -> Vec<Setup> {
    let url = match &config.server.public_url {
        Some(url) => format!("{url}/mcp"),
        None => format!("http://{address}/mcp"),
    };
    let starts = [Client::ClaudeDesktop, Client::ClaudeCodeStdio];
    let clients = Client::value_variants().iter().filter(|client| !starts.contains(client));
    clients
        .map(|client| {
            let (text, advice) = written(*client, Path::new(""), Path::new(""), &url);
            let name = client.to_possible_value().map(|value| value.get_name().to_string());
            Setup { client: name.unwrap_or_default(), advice, text }
        })
        .collect()
}

fn written(client: Client, binary: &Path, config: &Path, url: &str) -> (String, String) {
    let started = json!({
        "command": binary.display().to_string(),
        "args": ["stdio", "--config", config.display().to_string()],
    });
    let servers = |server: Json| pretty(&json!({ "mcpServers": { "celosia": server } }));
    let bearer = |key: &str| json!({ "Authorization": format!("Bearer {key}") });
    let shell = format!("The API key is taken from the environment variable {KEY}.");
    match client {
        Client::ClaudeDesktop => (
            servers(started),
            "claude_desktop_config.json (Settings, Developer, Edit Config). It is the local user of the configuration \
             (`identity.local`) who asks."
                .into(),
        ),
        Client::ClaudeCodeStdio => (
            servers(json!({ "type": "stdio", "command": started["command"], "args": started["args"] })),
            ".mcp.json in the project. It is the local user of the configuration (`identity.local`) who asks.".into(),
        ),
        Client::ClaudeCode => (
            servers(json!({ "type": "http", "url": url, "headers": bearer(&format!("${{{KEY}}}")) })),
            format!(".mcp.json in the project. {shell}"),
        ),
        Client::Cursor => (
            servers(json!({ "url": url, "headers": bearer(&format!("${{env:{KEY}}}")) })),
            format!(".cursor/mcp.json in the project. {shell}"),
        ),
        Client::Vscode => (
            pretty(&json!({
                "inputs": [{ "type": "promptString", "id": "celosia-key", "description": "Celosia API key", "password": true }],
                "servers": { "celosia": { "type": "http", "url": url, "headers": bearer("${input:celosia-key}") } },
            })),
            ".vscode/mcp.json in the project. The editor asks for the API key once and keeps it.".into(),
        ),
        Client::McpRemote => (
            servers(json!({
                "command": "npx",
                "args": ["-y", "mcp-remote", url, "--header", format!("Authorization:${{AUTHORIZATION}}")],
                "env": { "AUTHORIZATION": "Bearer <key>" },
            })),
            "For a client that only starts programs; it needs Node.js. Put the API key in the place of <key>.".into(),
        ),
        Client::Langchain => (
            python(LANGCHAIN, url),
            format!("pip install langchain-mcp-adapters. {shell}"),
        ),
        Client::Llamaindex => (
            python(LLAMAINDEX, url),
            format!("pip install llama-index-tools-mcp. {shell}"),
        ),
        Client::OpenaiAgents => (
            python(OPENAI_AGENTS, url),
            format!("pip install openai-agents. {shell}"),
        ),
    }
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

/// A script with the address in it, as a literal that cannot end early.
fn python(script: &str, url: &str) -> String {
    script.trim().replace("URL", &Json::from(url).to_string()).replace("KEY", KEY)
}

const LANGCHAIN: &str = r#"
import asyncio
import os

from langchain_mcp_adapters.client import MultiServerMCPClient

client = MultiServerMCPClient({
    "celosia": {
        "transport": "streamable_http",
        "url": URL,
        "headers": {"Authorization": "Bearer " + os.environ["KEY"]},
    }
})


async def main():
    tools = await client.get_tools()  # give them to create_agent(model, tools)
    for tool in tools:
        print(tool.name)


asyncio.run(main())
"#;

const LLAMAINDEX: &str = r#"
import asyncio
import os

from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

client = BasicMCPClient(URL, headers={"Authorization": "Bearer " + os.environ["KEY"]})


async def main():
    tools = await McpToolSpec(client=client).to_tool_list_async()  # give them to FunctionAgent(tools=tools, llm=llm)
    for tool in tools:
        print(tool.metadata.name)


asyncio.run(main())
"#;

const OPENAI_AGENTS: &str = r#"
import asyncio
import os

from agents.mcp import MCPServerStreamableHttp


async def main():
    headers = {"Authorization": "Bearer " + os.environ["KEY"]}
    async with MCPServerStreamableHttp(name="celosia", params={"url": URL, "headers": headers}) as server:
        for tool in await server.list_tools():  # or Agent(name=..., mcp_servers=[server])
            print(tool.name)


asyncio.run(main())
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(client: Client) -> String {
        let (binary, config) =
            (Path::new("/opt/my tools/celosia"), Path::new("/etc/celosia/celosia.yaml"));
        written(client, binary, config, "http://127.0.0.1:8017/mcp").0
    }

    #[test]
    fn files_of_clients_are_json_and_hold_no_key() {
        for client in Client::value_variants() {
            let text = text(*client);
            assert!(!text.contains("cel_"), "{client:?}");
            if text.starts_with('{') {
                let json: Json = serde_json::from_str(&text).unwrap();
                let server = json["mcpServers"].get("celosia").or(json["servers"].get("celosia"));
                assert!(server.is_some(), "{client:?}: {text}");
            } else {
                assert!(
                    text.contains("\"http://127.0.0.1:8017/mcp\"") && text.contains("CELOSIA_KEY"),
                    "{text}"
                );
            }
        }
        let desktop: Json = serde_json::from_str(&text(Client::ClaudeDesktop)).unwrap();
        let arguments = json!(["stdio", "--config", "/etc/celosia/celosia.yaml"]);
        assert_eq!(desktop["mcpServers"]["celosia"]["args"], arguments);
    }

    #[test]
    fn a_url_cannot_end_its_literal() {
        assert!(python("x = URL", "http://a\"\n").contains(r#"x = "http://a\"\n""#));
    }
}
