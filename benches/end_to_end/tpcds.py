#!/usr/bin/env python3
"""Asks the 99 questions of TPC-DS through Celosia and compares every answer with PostgreSQL's own.

    pip install duckdb==1.5.5 duckdb-extensions duckdb-extension-tpcds
    cargo build --release --bin celosia
    python3 benches/end_to_end/tpcds.py [--scale 0.01] [--split] [--only 1,14,67]

DuckDB's extension makes the rows and the texts; nothing of TPC-DS is kept here. Without `--split` all tables are in one
database, so that statements go down whole where they can. With it the facts stay in PostgreSQL and the dimensions are in
a SQLite file, so that no question with a join goes down whole. The judge is PostgreSQL with all tables, asked the same
text by psql. Rows are compared without their order, numbers to nine digits or five behind the point; rows that a LIMIT
chose among equals may differ, and are then looked for in the answer without it.
"""

import argparse
import collections
import csv
import decimal
import io
import os
import re
import sqlite3
import subprocess
import tempfile
import time

from postgres import Cluster
from questions import Celosia, Databases

FACTS = re.compile("_sales$|_returns$|^inventory$")
NULL = "\\N"

CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}" }}
identity:
  api_keys: {{ file: keys.yaml }}
sources:
  facts: {{ kind: postgres, url: "{sales}", schemas: [public], bytes: 1GiB }}
DIMENSIONS
roles:
  analyst:
    open: [{{ tables: [OPEN] }}]
audit: {{ store: "sqlite:audit.db" }}
limits: {{ rows: 20000, bytes: 64MiB, time: 120s, memory: 1GiB, concurrency: 64 }}
"""


def generate(scale, directory):
    """The tables as CSV files, their columns, and the questions."""
    import duckdb
    import duckdb_extensions

    duckdb_extensions.import_extension("tpcds")
    maker = duckdb.connect()
    maker.execute("LOAD tpcds")
    maker.execute(f"CALL dsdgen(sf={scale})")
    tables = {}
    for (name,) in maker.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall():
        columns = maker.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY "
                                "column_index", [name]).fetchall()
        tables[name] = columns
        maker.execute(f"COPY {name} TO '{os.path.join(directory, name)}.csv' (HEADER false, NULLSTR '{NULL}')")
    return tables, [(number, text) for number, text in maker.execute("FROM tpcds_queries()").fetchall()]


class Store(Databases):
    """All tables in the judge's database; those that Celosia reads from PostgreSQL in `facts`."""

    def __init__(self, cluster, directory, tables, split):
        self.cluster = cluster
        self.psql = [os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-XAtq",
                     "-v", "ON_ERROR_STOP=1"]
        self.dimensions = {name: columns for name, columns in tables.items() if split and not FACTS.search(name)}
        self.load("judge", tables, directory)
        self.load("facts", {name: tables[name] for name in tables if name not in self.dimensions}, directory)

    def load(self, database, tables, directory):
        self.sql("postgres", f"CREATE DATABASE {database}")
        for name, columns in tables.items():
            listed = ", ".join(f"{column} {kind}" for column, kind in columns)
            self.sql(database, f"CREATE TABLE {name} ({listed})")
            with open(os.path.join(directory, f"{name}.csv")) as rows:
                copy = [*self.psql, "-d", database, "-c", f"COPY {name} FROM STDIN (FORMAT csv, NULL '{NULL}')"]
                subprocess.run(copy, stdin=rows, check=True)
            key = columns[0][0]
            self.sql(database, f"CREATE INDEX ON {name} ({key})")
        self.sql(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        self.sql(database, "VACUUM ANALYZE")

    def judge(self, sql):
        """PostgreSQL's rows, or what it complains of."""
        command = [*self.psql, "-d", "judge", "--csv", "-P", f"null={NULL}", "-f", "-"]
        text = f"SET statement_timeout = '120s';\n{sql};"
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        if done.returncode:
            return None, done.stderr.strip().splitlines()[0]
        return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))], None


def sqlite(path, tables, directory):
    file = sqlite3.connect(path)
    for name, columns in tables.items():
        listed = ", ".join(f"{column} {kind}" for column, kind in columns)
        file.execute(f"CREATE TABLE {name} ({listed})")
        with open(os.path.join(directory, f"{name}.csv")) as rows:
            places = ", ".join("?" * len(columns))
            values = ([None if value == NULL else value for value in row] for row in csv.reader(rows))
            file.executemany(f"INSERT INTO {name} VALUES ({places})", values)
    file.commit()
    file.close()


class Asked(Celosia):
    """Celosia over these databases. A refusal is an answer here."""

    def __init__(self, directory, store):
        import questions

        dimensions = '  dims: {{ kind: sqlite, url: "sqlite:dims.db" }}' if store.dimensions else ""
        tables = '"facts.public.*"' + (', "dims.main.*"' if store.dimensions else "")
        questions.CONFIG = CONFIG.replace("DIMENSIONS", dimensions).replace("OPEN", tables)
        store.url = lambda database: f"postgres://reader@127.0.0.1:{store.cluster.port}/facts?sslmode=disable"
        super().__init__(directory, store)

    def rows(self, sql):
        try:
            said = self.ask(sql)
        except SystemExit as refused:
            return None, str(refused).split("\n")[-1]
        return said, None


def plain(value):
    """A value as both sides write it."""
    if value is None or value == NULL:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    try:
        number = decimal.Decimal(str(value).strip())
        return number if number.is_finite() else str(value)
    except decimal.InvalidOperation:
        return str(value).rstrip()


def same(one, other):
    """Celosia cuts an average of decimals four digits behind those of its values; PostgreSQL rounds it later."""
    if isinstance(one, decimal.Decimal) and isinstance(other, decimal.Decimal):
        return abs(one - other) <= decimal.Decimal("1e-5") + abs(other) * decimal.Decimal("1e-9")
    return one == other


def ordered(rows):
    """The rows without an order, and numbers that differ little next to each other."""
    rough = lambda value: ("",) if value is None else (f"{value:.4e}",) if isinstance(value, decimal.Decimal) else (value,)
    plains = [[plain(value) for value in row] for row in rows]
    return sorted(plains, key=lambda row: [rough(value) for value in row])


def equal(ours, theirs):
    return len(ours) == len(theirs) and all(all(map(same, *pair)) for pair in zip(ours, theirs))


def verdict(store, sql, said, expected):
    """How an answer compares with PostgreSQL's."""
    ours, theirs = ordered(said["rows"]), ordered(expected)
    if equal(ours, theirs):
        return "equal"
    whole, _ = store.judge(re.sub(r"(?i)\blimit\s+\d+\s*;?\s*$", "", sql))
    if whole is not None and len(ours) == len(theirs):
        whole = [[plain(value) for value in row] for row in whole]
        if all(any(all(map(same, row, other)) for other in whole) for row in ours):
            return "equal but for ties at the limit"
    odd = next((pair for pair in zip(ours, theirs) if not all(map(same, *pair))), None)
    return f"DIFFERENT: {len(ours)} rows against {len(theirs)}, such as {odd}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--split", action="store_true")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    only = {int(number) for number in arguments.only.split(",") if number}
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="celosia-tpcds-") as directory:
        tables, texts = generate(arguments.scale, directory)
        store = Store(cluster, directory, tables, arguments.split)
        if store.dimensions:
            sqlite(os.path.join(directory, "dims.db"), store.dimensions, directory)
        celosia, counts = Asked(directory, store), collections.Counter()
        try:
            for number, text in texts:
                if only and number not in only:
                    continue
                sql = text.strip().rstrip(";")
                started = time.perf_counter()
                expected, complaint = store.judge(sql)
                direct = (time.perf_counter() - started) * 1000
                started = time.perf_counter()
                said, refused = celosia.rows(sql)
                took = (time.perf_counter() - started) * 1000
                if complaint and refused:
                    result = f"both refuse: {complaint} / {refused[:300]}"
                elif complaint:
                    result = f"PostgreSQL refuses: {complaint}"
                elif refused:
                    result = f"REFUSED: {refused[:600]}"
                else:
                    result = verdict(store, sql, said, expected)
                counts[result.split(":")[0]] += 1
                read = len(said["receipt"]["sources"]) if said else 0
                rows = len(expected) if expected is not None else 0
                print(f"Q{number}: {rows} rows, psql {direct:.0f} ms, {took:.0f} ms, {read} statements, {result}", flush=True)
        finally:
            celosia.process.terminate()
            celosia.process.wait(timeout=30)
        print(dict(counts))


if __name__ == "__main__":
    main()
