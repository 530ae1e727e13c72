#!/usr/bin/env python3
"""Measures how long a server takes to be ready, and what it holds when nobody asks.

    python3 benches/end_to_end/start.py [--tables 1000] [--columns 12] [--starts 5]

Three databases of one throw-away PostgreSQL, each with so many tables, which have comments, primary and foreign keys. Ready
means that `/readyz` beside the metrics says 200 for each of them. It needs PostgreSQL's programs and
`cargo build --release --bin celosia`.
"""

import argparse
import http.client
import os
import re
import statistics
import subprocess
import tempfile
import time

import servers
from postgres import Cluster, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = ["sales", "crm", "support"]
CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}", metrics_listen: "127.0.0.1:{metrics}" }}
identity: {{ api_keys: {{ file: keys.yaml }} }}
sources:
{sources}
roles: {{ analyst: {{ open: [{{ tables: [{open}] }}] }} }}
audit: {{ store: "sqlite:audit.db" }}
"""


def tables(count, columns):
    """Statements for tables that refer to the one before them."""
    for number in range(count):
        listed = ", ".join(f"attribute_{column} {['text', 'numeric(12,2)', 'timestamptz', 'int'][column % 4]}"
                           for column in range(columns - 2))
        before = f" REFERENCES entity_{number - 1}" if number else ""
        yield f"CREATE TABLE entity_{number} (id bigint PRIMARY KEY, previous_id bigint{before}, {listed});"
        yield f"COMMENT ON TABLE entity_{number} IS 'What is known of entity {number}';"
        for column in range(0, columns - 2, 3):
            yield f"COMMENT ON COLUMN entity_{number}.attribute_{column} IS 'Attribute {column} of it';"


def load(cluster, arguments):
    psql = [os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-Xq", "-v",
            "ON_ERROR_STOP=1", "-f", "-"]
    text = "\n".join(tables(arguments.tables, arguments.columns)) + "\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;"
    for name in SOURCES:
        subprocess.run([*psql, "-d", "postgres"], input=f"CREATE DATABASE {name};", text=True, check=True)
        subprocess.run([*psql, "-d", name], input=text, text=True, check=True)


def ready(port, sources):
    for source in sources:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", f"/readyz/{source}")
            if connection.getresponse().status != 200:
                return False
        except OSError:
            return False
        finally:
            connection.close()
    return True


def resident(process):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{process}/status").read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--starts", type=int, default=5)
    arguments = parser.parse_args()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="celosia-start-") as directory:
        load(cluster, arguments)
        port, metrics = free_port(), free_port()
        url = lambda name: f"postgres://reader@127.0.0.1:{cluster.port}/{name}?sslmode=disable"
        sources = "\n".join(f'  {name}: {{ kind: postgres, url: "{url(name)}", schemas: [public] }}' for name in SOURCES)
        opened = ", ".join(f'"{name}.public.*"' for name in SOURCES)
        write = lambda name, text: open(os.path.join(directory, name), "w").write(text)
        write("celosia.yaml", CONFIG.format(port=port, metrics=metrics, sources=sources, open=opened))
        digest = __import__("hashlib").sha256(servers.KEY.encode()).hexdigest()
        write("keys.yaml", servers.KEYS.format(hash=digest, region="EU"))
        binary = os.path.join(ROOT, "target", "release", "celosia")
        times, held = [], []
        for _ in range(arguments.starts):
            started = time.perf_counter()
            with open(os.path.join(directory, "log"), "ab") as log:
                process = subprocess.Popen([binary, "serve", "--config", "celosia.yaml"], cwd=directory, stderr=log)
            try:
                while not ready(metrics, SOURCES):
                    if process.poll() is not None or time.perf_counter() - started > 60:
                        raise SystemExit(open(os.path.join(directory, "log")).read()[-2000:])
                    time.sleep(0.005)
                times.append((time.perf_counter() - started) * 1000)
                # The indexes of the catalog are made beside.
                time.sleep(5)
                held.append(resident(process.pid))
            finally:
                process.terminate()
                process.wait(timeout=40)
        print(f"3 x {arguments.tables} tables x {arguments.columns} columns, {arguments.starts} starts, load average "
              f"{os.getloadavg()[0]:.1f}")
        print(f"ready after {statistics.median(times):.0f} ms (median; most {max(times):.0f})")
        print(f"resident after 5 s of rest: {statistics.median(held):.0f} MiB (most {max(held):.0f})")


if __name__ == "__main__":
    main()
