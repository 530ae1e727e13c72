"""langchain-mcp-adapters against Celosia: load the tools and run a query, over HTTP and stdio.

    client_langchain.py URL KEY BINARY DATA

The caller is the demo's analyst. Prints one line and exits 0, or fails with what was wrong.
"""

import asyncio
import re
import sys

from langchain_core.tools import ToolException
from langchain_mcp_adapters.client import MultiServerMCPClient

SQL = "SELECT name, email FROM shop.main.customers ORDER BY id LIMIT 3"
ROW = re.compile(r"^.\*{4}\|\*{3}@[a-z.]+$", re.MULTILINE)


def check(holds, what):
    if not holds:
        raise SystemExit(f"client_langchain: not as expected: {what}")


def text(content):
    """A tool's answer as text: adapters give a string or a list of content blocks."""
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")


async def exercise(client, server):
    tools = {tool.name: tool for tool in await client.get_tools(server_name=server)}
    own = ["chart", "describe", "explain", "fetch", "query", "search"]
    declared = ["customers_of_my_region", "top_products"]
    check(sorted(tools) == sorted(own + declared), f"{server}: tools {sorted(tools)}")
    check("sql" in tools["query"].args, f"{server}: arguments of query: {tools['query'].args}")
    answer = text(await tools["query"].ainvoke({"sql": SQL}))
    check(len(ROW.findall(answer)) == 3, f"{server}: three masked rows in {answer}")
    check("Receipt " in answer, f"{server}: a receipt in {answer}")
    positional = {"sql": "SELECT COUNT(*) AS n FROM customers WHERE region = $1", "params": ["EU"]}
    counted = text(await tools["query"].ainvoke(positional))
    check("n bigint" in counted, f"{server}: a count in {counted}")
    try:
        refused = text(await tools["query"].ainvoke({"sql": "SELECT emial FROM customers"}))
    except ToolException as error:
        refused = str(error)
    check("did you mean email?" in refused, f"{server}: a hint in {refused}")


async def main():
    url, key, binary, data = sys.argv[1:]
    client = MultiServerMCPClient(
        {
            "http": {
                "transport": "streamable_http",
                "url": url,
                "headers": {"Authorization": f"Bearer {key}"},
            },
            "stdio": {
                "transport": "stdio",
                "command": binary,
                "args": ["demo", "--stdio", "--data", data],
            },
        }
    )
    for server in ("http", "stdio"):
        await exercise(client, server)
    print("client_langchain: http, stdio: ok")


asyncio.run(main())
