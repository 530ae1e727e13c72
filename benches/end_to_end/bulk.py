#!/usr/bin/env python3
"""Measures how fast a million rows of TPC-H's lineitem become Arrow: Celosia's reader and the ones people use.

    python3 benches/end_to_end/bulk.py --generator tpchgen-cli

It needs PostgreSQL's programs, `cargo build --release -p celosia-connector-postgres --example postgres_throughput`, and `pip
install tpchgen-cli adbc-driver-postgresql pyarrow connectorx duckdb`; a reader that is not installed is left out and said.
The readers take turns, so that a busy moment hits all of them. The floor is COPY in binary form to nowhere, by psql.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time

from postgres import Cluster
from questions import SCHEMA

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "target/release/examples/postgres_throughput")
TABLE = SCHEMA[SCHEMA.index("CREATE TABLE lineitem"):].strip()
SQL = "SELECT * FROM public.lineitem"


def copy(cluster):
    """COPY BINARY, its bytes thrown away."""
    command = [os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "reader", "-d", "postgres",
               "-XAtq", "-c", f"COPY ({SQL}) TO STDOUT (FORMAT binary)"]

    def run():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return None
    return run


def celosia(cluster):
    """The connector by itself, in a process that lives as long as the measurement."""
    process = subprocess.Popen([EXAMPLE, "--url", cluster.url, SQL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run():
        process.stdin.write("\n")
        process.stdin.flush()
        return int(process.stdout.readline())
    return run


def adbc(cluster):
    from adbc_driver_postgresql import dbapi
    connection = dbapi.connect(cluster.url)

    def run():
        with connection.cursor() as cursor:
            cursor.execute(SQL)
            return cursor.fetch_arrow_table().num_rows
    return run


def connectorx(cluster):
    import connectorx
    return lambda: len(connectorx.read_sql(cluster.url, SQL, return_type="arrow"))


def duckdb(cluster, threads):
    import duckdb
    session = duckdb.connect()
    session.execute("INSTALL postgres")
    session.execute("LOAD postgres")
    session.execute(f"SET threads TO {threads}")
    session.execute(f"ATTACH '{cluster.url}' AS pg (TYPE postgres, READ_ONLY)")
    return lambda: session.execute(SQL.replace("public.lineitem", "pg.public.lineitem")).to_arrow_table().num_rows


READERS = {
    "COPY BINARY to nowhere": copy,
    "Celosia": celosia,
    "ADBC": adbc,
    "connectorx": connectorx,
    "DuckDB, 1 thread": lambda cluster: duckdb(cluster, 1),
    "DuckDB, 2 threads": lambda cluster: duckdb(cluster, 2),
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--generator", required=True, help="tpchgen-cli")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=7)
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="celosia-bulk-") as scratch, Cluster() as cluster:
        scale = options.rows / 6_000_000
        command = [options.generator, "csv", "-s", f"{scale:.4f}", "-T", "lineitem", "-o", scratch]
        subprocess.run(command, check=True, capture_output=True)
        cluster.sql(TABLE, "postgres")
        with open(os.path.join(scratch, "lineitem.csv")) as rows:
            subprocess.run([os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-XAtq",
                            "-c", "COPY lineitem FROM STDIN (FORMAT csv, HEADER)", "postgres"], stdin=rows, check=True)
        cluster.sql("VACUUM ANALYZE lineitem; GRANT SELECT ON lineitem TO reader;", "postgres")
        measure(cluster, options.rounds)


def measure(cluster, rounds):
    rows = int(cluster.sql("SELECT count(*) FROM lineitem"))
    readers, times = {}, {}
    for name, reader in READERS.items():
        try:
            run = reader(cluster)
            found = run()
        except Exception as error:  # not installed, or no extension to be had
            print(f"left out: {name}: {str(error).splitlines()[0]}")
            continue
        if found not in (None, rows):
            raise SystemExit(f"{name} read {found} rows of {rows}")
        readers[name], times[name] = run, []
    for _ in range(rounds):
        for name, run in readers.items():
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    floor = statistics.median(times["COPY BINARY to nowhere"])
    print(f"\n{rows:,} rows, medians of {rounds}\n\n| reader | seconds | rows a second | of COPY |\n|---|---|---|---|")
    for name, all in times.items():
        median = statistics.median(all)
        print(f"| {name} | {median:.3f} | {rows / median:,.0f} | {median / floor:.2f} |")


if __name__ == "__main__":
    main()
