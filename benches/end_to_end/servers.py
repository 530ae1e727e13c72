"""What is measured: Celosia over each of its transports, and the peers that are installed."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess

from postgres import REGIONS, free_port

KEY = "cel_" + hashlib.sha256(b"the key of the measurements").hexdigest()

CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}" }}
identity:
  local: {{ user: ana, roles: [analyst], attributes: {{ region: {region} }} }}
  api_keys: {{ file: keys.yaml }}
sources:
  sales:   {{ kind: postgres, url: "{url}", schemas: [public], concurrency: 8, queue: 64, bytes: 64MiB }}
  support: {{ kind: sqlite, url: "sqlite:support.db" }}
roles:
  analyst:
    open:
      - {{ tables: "sales.public.customers", rows: "c_region = user.region" }}
      - {{ tables: ["sales.public.orders", "support.main.tickets"] }}
masking_rules: masking-rules/
audit: {{ store: "sqlite:audit.db" }}
limits: {{ rows: 20000, bytes: 64MiB, time: 30s, memory: 512MiB, concurrency: 64 }}
"""
KEYS = """\
version: 1
keys:
  - name: measurements
    hash: "sha256:{hash}"
    user: ana
    roles: [analyst]
    attributes: {{ region: {region} }}
"""
MASKS = """\
version: 1
masks:
  - { name: emails, columns: ["sales.public.customers.c_email"], mask: email }
  - { name: phones, columns: ["sales.public.customers.c_phone"], mask: last4 }
"""


class Server:
    """How a server is started and asked."""

    def __init__(self, name, command, tool="query", argument="sql", prefix="", http=None, era="2025-06-18",
                 copies=1, headers=(), governed=False, rows=None):
        self.name, self.command, self.tool, self.argument, self.prefix = name, command, tool, argument, prefix
        self.http, self.era, self.copies, self.headers, self.governed = http, era, copies, headers, governed
        self.rows = rows

    def client(self, load):
        """The command of the load client for this server."""
        where = ["--http", self.http] if self.http else ["--stdio"]
        headers = [word for header in self.headers for word in ("--header", header)]
        return [load, *where, "--era", self.era, "--tool", self.tool, "--copies", str(self.copies), *headers,
                "--", *self.command]


def texts(answer):
    """The text blocks of an answer."""
    return [block["text"] for block in answer["result"]["content"] if block["type"] == "text"]


def celosia_rows(answer):
    said = answer["result"]["structuredContent"]
    assert said["row_count"] == len(said["rows"]) and not said["truncated"] and said["receipt"]["id"], said
    return said["rows"]


def toolbox_rows(answer):
    """One text block for all rows, or one for each."""
    blocks = [json.loads(text) for text in texts(answer)]
    return blocks[0] if len(blocks) == 1 and isinstance(blocks[0], list) else blocks


def server_postgres_rows(answer):
    return json.loads(texts(answer)[0])


def celosia(binary, cluster, directory):
    """Celosia with governance and audit on, over HTTP in both eras and over stdio."""
    port = free_port()
    region = REGIONS[1]
    os.makedirs(os.path.join(directory, "masking-rules"))
    files = {
        "celosia.yaml": CONFIG.format(port=port, region=region, url=cluster.url),
        "keys.yaml": KEYS.format(hash=hashlib.sha256(KEY.encode()).hexdigest(), region=region),
        "masking-rules/people.yaml": MASKS,
    }
    for name, text in files.items():
        with open(os.path.join(directory, name), "w") as file:
            file.write(text)
    with sqlite3.connect(os.path.join(directory, "support.db")) as database:
        database.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, status TEXT NOT NULL)")
        tickets = [(i, i % 500 + 1, ["open", "closed"][i % 2]) for i in range(1, 1_001)]
        database.executemany("INSERT INTO tickets VALUES (?, ?, ?)", tickets)
    database.close()
    config = os.path.join(directory, "celosia.yaml")
    common = {"prefix": "sales.public.", "copies": 2, "governed": True, "rows": celosia_rows}
    served = {**common, "http": f"127.0.0.1:{port}/mcp", "headers": [f"Authorization: Bearer {KEY}"]}
    serve, stdio = [binary, "serve", "--config", config], [binary, "stdio", "--config", config]
    return [
        Server("Celosia HTTP", serve, era="2026-07-28", **served),
        Server("Celosia HTTP 2025-06-18", serve, era="2025-06-18", **served),
        Server("Celosia stdio", stdio, era="2025-06-18", **common),
    ]


def peers(directory, cluster, scratch):
    """The peers that are installed in a directory of npm."""
    found = []
    toolbox = os.path.join(directory, "node_modules/@toolbox-sdk/server-linux-x64/bin/toolbox")
    if os.path.exists(toolbox):
        port, config = free_port(), os.path.join(scratch, "toolbox.yaml")
        with open(config, "w") as file:
            file.write(TOOLBOX.format(port=cluster.port))
        command = [toolbox, "--disable-version-check", "--config", config]
        same = {"tool": "execute_sql", "rows": toolbox_rows}
        found.append(Server("MCP Toolbox HTTP", command + ["--address", "127.0.0.1", "--port", str(port)],
                            http=f"127.0.0.1:{port}/mcp", **same))
        found.append(Server("MCP Toolbox stdio", command + ["--stdio"], **same))
    reference = os.path.join(directory, "node_modules/@modelcontextprotocol/server-postgres/dist/index.js")
    node = shutil.which("node")
    if os.path.exists(reference) and node:
        found.append(Server("server-postgres stdio", [node, reference, cluster.url], era="2024-11-05",
                            rows=server_postgres_rows))
    return found


TOOLBOX = """\
sources:
  bench:
    kind: postgres
    host: 127.0.0.1
    port: {port}
    database: postgres
    user: reader
    password: none
tools:
  execute_sql:
    kind: postgres-execute-sql
    source: bench
    description: Run a SQL statement
"""


def version(binary):
    return subprocess.run([binary, "--version"], text=True, capture_output=True).stdout.strip()
