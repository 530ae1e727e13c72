#!/usr/bin/env python3
"""Measures the memory of an aggregate that must run in Celosia: ten million rows, millions of groups, a small pool.

    python3 benches/end_to_end/memory.py --rows 10000000 --memory 256MiB

The rows come from a throw-away PostgreSQL; `stddev` is not computed at a source, so all of them travel. The answer is compared
with the database's. It needs PostgreSQL's programs and `cargo build --release --bin celosia`.
"""

import argparse
import os
import re
import subprocess
import tempfile
import time

import questions
from postgres import Cluster

DATA = """
CREATE TABLE readings AS
SELECT i AS id, (i::bigint * 7919) % {groups} AS device, ((i::bigint * 104729) % 1000)::int AS value
FROM generate_series(1, {rows}) i;
ANALYZE readings;
GRANT SELECT ON readings TO reader;
"""
CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}" }}
identity: {{ api_keys: {{ file: keys.yaml }} }}
sources:
  sales: {{ kind: postgres, url: "{sales}", schemas: [public], concurrency: 8, readers: {readers}, bytes: 8GiB, timeout: 300s }}
roles: {{ analyst: {{ open: [{{ tables: "sales.public.readings" }}] }} }}
audit: {{ store: "sqlite:audit.db" }}
limits: {{ rows: 20000, bytes: 64MiB, time: 300s, memory: {memory} }}
"""
SQL = {
    "few groups": "SELECT device % 100 AS d, stddev(value) AS s, count(*) AS n FROM readings GROUP BY device % 100 ORDER BY s DESC, d LIMIT 5",
    "many groups": "SELECT device, stddev(value) AS s, count(*) AS n FROM readings GROUP BY device ORDER BY s DESC, device LIMIT 5",
}


class Databases:
    def __init__(self, cluster):
        self.cluster = cluster

    def url(self, _):
        return self.cluster.url


def peak(process, reset=False):
    """The most that was resident since the last reset, in MiB."""
    if reset:
        with open(f"/proc/{process}/clear_refs", "w") as file:
            file.write("5")
    status = open(f"/proc/{process}/status").read()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--groups", type=int, default=4_000_000)
    options.add_argument("--memory", default="256MiB")
    options.add_argument("--readers", type=int, default=1, help="sessions that read the table at the same time")
    options = options.parse_args()
    questions.CONFIG = CONFIG.replace("{memory}", options.memory).replace("{readers}", str(options.readers))
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="celosia-memory-") as directory:
        cluster.sql(DATA.format(rows=options.rows, groups=options.groups), "postgres")
        celosia = questions.Celosia(directory, Databases(cluster))
        try:
            print(f"{options.rows:,} rows, {options.groups:,} devices, pool of {options.memory}, {options.readers} readers; idle {peak(celosia.process.pid):.0f} MiB\n")
            print("| question | PostgreSQL, s | Celosia, s | peak, MiB | rows read |\n|---|---|---|---|---|")
            for name, sql in SQL.items():
                begun = time.perf_counter()
                right = cluster.sql(sql).splitlines()
                direct, begun = time.perf_counter() - begun, time.perf_counter()
                peak(celosia.process.pid, reset=True)
                said = celosia.ask(sql)
                took = time.perf_counter() - begun
                keys = [line.split("|")[0] for line in right]
                assert [str(row[0]) for row in said["rows"]] == keys, (said["rows"], right)
                read = sum(source["rows"] for source in said["receipt"]["sources"])
                print(f"| {name} | {direct:.1f} | {took:.1f} | {peak(celosia.process.pid):.0f} | {read:,} |", flush=True)
        finally:
            celosia.process.terminate()
            celosia.process.wait(timeout=30)


if __name__ == "__main__":
    main()
