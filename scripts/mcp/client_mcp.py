"""The official Python client against Celosia: every part of the surface, in the era it is told to use.

    client_mcp.py http URL KEY [--era auto|legacy]
    client_mcp.py stdio BINARY DATA [--era auto|legacy]

The caller is the demo's analyst. Works with mcp 1.x (which knows `legacy` only) and 2.x. Prints one
line and exits 0, or fails with what was wrong.
"""

import argparse
import asyncio
import contextlib
import re

import mcp

MODERN = hasattr(mcp, "Client")
CUSTOMERS = (
    "SELECT c.name, c.email, c.phone, c.tax_id, c.birth_date, c.region, COUNT(t.id) AS tickets "
    "FROM shop.main.customers c JOIN support.main.tickets t ON t.customer_id = c.id "
    "GROUP BY c.id, c.name, c.email, c.phone, c.tax_id, c.birth_date, c.region "
    "ORDER BY c.id LIMIT 20"
)
MASKS = {
    "name": r".\*{4}",
    "email": r"\*{3}@[a-z.]+",
    "phone": r"\*{4}.{4}",
    "tax_id": r"p_[a-z0-9]{20}",
    "birth_date": r"\d0-\d9",
    "region": r"EU",
}


@contextlib.asynccontextmanager
async def connect(arguments):
    if MODERN:
        async with connect_2(arguments) as client:
            yield client
    else:
        async with connect_1(arguments) as client:
            yield client


@contextlib.asynccontextmanager
async def connect_2(arguments):
    async with contextlib.AsyncExitStack() as stack:
        if arguments.transport == "stdio":
            server = stdio_parameters(arguments)
        else:
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            headers = {"Authorization": f"Bearer {arguments.second}"}
            http = await stack.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=60))
            server = streamable_http_client(arguments.first, http_client=http)
        client = await stack.enter_async_context(mcp.Client(server, mode=arguments.era))
        expected = "2025-11-25" if arguments.era == "legacy" else "2026-07-28"
        equal(client.protocol_version, expected, "protocol version")
        check("Celosia" in client.instructions, "instructions")
        yield client


@contextlib.asynccontextmanager
async def connect_1(arguments):
    from mcp.client.streamable_http import streamablehttp_client

    if arguments.transport == "stdio":
        transport = mcp.stdio_client(stdio_parameters(arguments))
    else:
        headers = {"Authorization": f"Bearer {arguments.second}"}
        transport = streamablehttp_client(arguments.first, headers=headers)
    async with transport as streams, mcp.ClientSession(streams[0], streams[1]) as session:
        greeting = plain(await session.initialize())
        equal(greeting["serverInfo"]["name"], "celosia", "server name")
        yield session


def stdio_parameters(arguments):
    return mcp.StdioServerParameters(
        command=arguments.first, args=["demo", "--stdio", "--data", arguments.second]
    )


def plain(model):
    """A result as the JSON that travelled, whatever the library calls its fields."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def check(holds, what):
    if not holds:
        raise SystemExit(f"client_mcp: not as expected: {what}")


def equal(found, expected, what):
    check(found == expected, f"{what}: {found!r} instead of {expected!r}")


async def call(client, tool, arguments):
    result = plain(await client.call_tool(tool, arguments))
    check(not result.get("isError"), f"{tool}: {result}")
    return result["structuredContent"], result["content"][0]["text"]


async def tools(client):
    listed = plain(await client.list_tools())["tools"]
    names = [tool["name"] for tool in listed]
    own = ["search", "describe", "query", "fetch", "explain", "chart"]
    equal(names, [*own, "top_products", "customers_of_my_region"], "tools")
    for tool in listed:
        check(tool["annotations"]["readOnlyHint"], f"{tool['name']} reads only")
        check(not tool["annotations"]["openWorldHint"], f"{tool['name']} is closed")

    found, _ = await call(client, "search", {"question": "customers with urgent tickets"})
    tables = [table["table"] for table in found["tables"]]
    check({"shop.main.customers", "support.main.tickets"} <= set(tables), f"search: {tables}")

    described, text = await call(client, "describe", {"name": "shop.main.customers"})
    check("[masked: email]" in text, f"describe: {text}")
    check(all(name in str(described) for name in MASKS), "describe names every column")


async def answers(client):
    answer, text = await call(client, "query", {"sql": CUSTOMERS, "limit": 10})
    equal(answer["row_count"], 10, "rows")
    columns = [column["name"] for column in answer["columns"]]
    equal(columns, [*MASKS, "tickets"], "columns")
    for row in answer["rows"]:
        for value, (name, form) in zip(row, MASKS.items()):
            check(re.fullmatch(form, value), f"{name}: {value!r} does not look masked")
    check(text.startswith("CUT: first 10 rows shown"), f"a cut answer says so: {text[:80]}")
    sources = {source["name"] for source in answer["receipt"]["sources"]}
    equal(sources, {"shop", "support"}, "sources in the receipt")

    more, _ = await call(client, "fetch", {"handle": answer["handle"], "offset": 10, "limit": 10})
    equal(more["row_count"], 10, "rows of the second page")
    csv, _ = await call(client, "fetch", {"handle": answer["handle"], "format": "csv"})
    equal(len(csv["csv"].strip().splitlines()), 21, "lines of the CSV")

    explained, _ = await call(client, "explain", {"sql": "SELECT email FROM shop.main.customers"})
    equal(explained["masks"][0]["mask"], "email", "mask in the explanation")

    refused = plain(await client.call_tool("query", {"sql": "SELECT emial FROM shop.main.customers"}))
    check(refused["isError"], "a wrong column is an error of the tool")
    equal(refused["structuredContent"]["error"]["hint"], "did you mean email? (line 1, column 8)", "hint")


async def context(client):
    resources = plain(await client.list_resources())["resources"]
    uris = [resource["uri"].rstrip("/") for resource in resources]
    uri = "celosia://shop/main/customers"
    check(uri in uris, f"resources: {uris}")
    if not MODERN:
        from pydantic import AnyUrl

        uri = AnyUrl(uri)
    read = plain(await client.read_resource(uri))["contents"][0]
    check("[masked: email]" in read["text"], f"resource: {read}")
    templates = plain(await client.list_resource_templates())["resourceTemplates"]
    equal(len(templates), 3, "resource templates")

    prompts = [prompt["name"] for prompt in plain(await client.list_prompts())["prompts"]]
    equal(len(prompts), 18, "prompts")
    prompt = plain(await client.get_prompt("ask", {"question": "How many orders?"}))
    check("How many orders?" in prompt["messages"][0]["content"]["text"], f"prompt: {prompt}")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["http", "stdio"])
    parser.add_argument("first", help="URL or binary")
    parser.add_argument("second", help="API key or data directory")
    parser.add_argument("--era", choices=["auto", "legacy"], default="auto")
    arguments = parser.parse_args()
    async with connect(arguments) as client:
        await tools(client)
        await answers(client)
        await context(client)
    print(f"client_mcp: {arguments.transport} {arguments.era if MODERN else 'legacy'}: ok")


asyncio.run(main())
