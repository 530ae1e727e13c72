#!/usr/bin/env python3
"""Measures whole questions: TPC-H on one PostgreSQL database beside the database itself, and joins across two.

    python3 benches/end_to_end/questions.py --scale 0.2 --generator tpchgen-cli

It needs PostgreSQL's programs, `cargo build --release --bin celosia`, and `pip install tpchgen-cli`. Everything runs on
127.0.0.1 and in temporary directories. Celosia governs and audits, over HTTP; the database is asked by pgbench with the
same text. Every answer's number of rows is compared with the database's.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

import servers
from postgres import Cluster, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CALLS = 2
TURNS = 3

SCHEMA = """
CREATE TABLE region (r_regionkey int PRIMARY KEY, r_name varchar(25), r_comment varchar(152));
CREATE TABLE nation (n_nationkey int PRIMARY KEY, n_name varchar(25), n_regionkey int, n_comment varchar(152));
CREATE TABLE part (p_partkey int PRIMARY KEY, p_name varchar(55), p_mfgr varchar(25), p_brand varchar(10), p_type varchar(25),
  p_size int, p_container varchar(10), p_retailprice numeric(15,2), p_comment varchar(23));
CREATE TABLE supplier (s_suppkey int PRIMARY KEY, s_name varchar(25), s_address varchar(40), s_nationkey int, s_phone varchar(15),
  s_acctbal numeric(15,2), s_comment varchar(101));
CREATE TABLE partsupp (ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost numeric(15,2), ps_comment varchar(199),
  PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer (c_custkey int PRIMARY KEY, c_name varchar(25), c_address varchar(40), c_nationkey int, c_phone varchar(15),
  c_acctbal numeric(15,2), c_mktsegment varchar(10), c_comment varchar(117));
CREATE TABLE orders (o_orderkey bigint PRIMARY KEY, o_custkey int, o_orderstatus varchar(1), o_totalprice numeric(15,2),
  o_orderdate date, o_orderpriority varchar(15), o_clerk varchar(15), o_shippriority int, o_comment varchar(79));
CREATE TABLE lineitem (l_orderkey bigint, l_partkey int, l_suppkey int, l_linenumber int, l_quantity numeric(15,2),
  l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag varchar(1), l_linestatus varchar(1),
  l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct varchar(25), l_shipmode varchar(10), l_comment varchar(44),
  PRIMARY KEY (l_orderkey, l_linenumber));
"""
INDEXES = """
CREATE INDEX ON orders (o_custkey); CREATE INDEX ON orders (o_orderdate); CREATE INDEX ON lineitem (l_shipdate);
CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON customer (c_nationkey); CREATE INDEX ON supplier (s_nationkey);
CREATE INDEX ON partsupp (ps_suppkey);
VACUUM ANALYZE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""
TABLES = re.findall(r"CREATE TABLE (\w+)", SCHEMA)

# Orders in one database, customers in the other.
JOINS = {
    "21 customers by key": "select c.c_custkey, c.c_name, count(*) as n, sum(o.o_totalprice) as s from {c} c join {o} o "
    "on o.o_custkey = c.c_custkey where c.c_custkey between 100 and 120 group by c.c_custkey, c.c_name order by c.c_custkey",
    "few customers, not by key": "select c.c_custkey, c.c_name, count(*) as n, sum(o.o_totalprice) as s from {c} c join {o} o "
    "on o.o_custkey = c.c_custkey where c.c_acctbal > 9985 and c.c_mktsegment = 'BUILDING' group by c.c_custkey, c.c_name "
    "order by c.c_custkey",
    "both sides filtered": "select c.c_mktsegment, count(*) as n, sum(o.o_totalprice) as s from {c} c join {o} o "
    "on o.o_custkey = c.c_custkey where c.c_nationkey = 7 and o.o_orderdate >= date '1995-03-01' and o.o_orderdate < "
    "date '1995-04-01' group by c.c_mktsegment order by c.c_mktsegment",
    "the whole join": "select c.c_mktsegment, count(*) as n, sum(o.o_totalprice) as s from {c} c join {o} o "
    "on o.o_custkey = c.c_custkey group by c.c_mktsegment order by c.c_mktsegment",
}

CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}" }}
identity:
  api_keys: {{ file: keys.yaml }}
sources:
  sales: {{ kind: postgres, url: "{sales}", schemas: [public], bytes: 1GiB }}
  crm:   {{ kind: postgres, url: "{crm}", schemas: [public], bytes: 1GiB }}
roles:
  analyst:
    open:
      - {{ tables: ["sales.public.*", "crm.public.clients"] }}
audit: {{ store: "sqlite:audit.db" }}
limits: {{ rows: 20000, bytes: 64MiB, time: 120s, memory: 1GiB, concurrency: 64 }}
"""


class Databases:
    """TPC-H in one database, its customers again in another."""

    def __init__(self, cluster, generator, scale):
        self.cluster = cluster
        self.psql = [os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-XAtq",
                     "-v", "ON_ERROR_STOP=1"]
        with tempfile.TemporaryDirectory(prefix="celosia-tpch-") as directory:
            subprocess.run([generator, "csv", "-s", str(scale), "--output-dir", directory], check=True)
            for name, tables in (("tpch", TABLES), ("crm", ["customer"])):
                self.sql("postgres", f"CREATE DATABASE {name}")
                self.sql(name, SCHEMA)
                for table in tables:
                    with open(os.path.join(directory, f"{table}.csv")) as rows:
                        copy = [*self.psql, "-d", name, "-c", f"COPY {table} FROM STDIN (FORMAT csv, HEADER)"]
                        subprocess.run(copy, stdin=rows, check=True)
                for statement in INDEXES.split(";"):
                    self.sql(name, statement)
            # A name of its own: the questions of TPC-H name tables without their source.
            self.sql("crm", "ALTER TABLE customer RENAME TO clients")

    def sql(self, database, text):
        done = subprocess.run([*self.psql, "-d", database, "-f", "-"], input=text, text=True, check=True, stdout=subprocess.PIPE)
        return done.stdout

    def url(self, database):
        return f"postgres://reader@127.0.0.1:{self.cluster.port}/{database}?sslmode=disable"

    def count(self, database, sql):
        return int(self.sql(database, f"SELECT count(*) FROM ({sql}) counted"))

    def times(self, database, sql):
        """pgbench's own times of some calls in ms, the first one left out."""
        with tempfile.TemporaryDirectory(prefix="celosia-pgbench-") as scratch:
            script, log = os.path.join(scratch, "script.sql"), os.path.join(scratch, "log")
            with open(script, "w") as file:
                file.write(sql)
            command = [os.path.join(self.cluster.bin, "pgbench"), "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U",
                       "reader", "-n", "-M", "simple", "-f", script, "-c", "1", "-l", "--log-prefix", log, "-t",
                       str(CALLS + 1), database]
            subprocess.run(command, check=True, capture_output=True)
            name = next(name for name in os.listdir(scratch) if name.startswith("log"))
            return [int(line.split()[2]) / 1000 for line in open(os.path.join(scratch, name))][1:]


class Celosia:
    """A running server, asked over one HTTP connection."""

    def __init__(self, directory, databases):
        self.port = free_port()
        write = lambda name, text: open(os.path.join(directory, name), "w").write(text)
        write("celosia.yaml", CONFIG.format(port=self.port, sales=databases.url("tpch"), crm=databases.url("crm")))
        digest = __import__("hashlib").sha256(servers.KEY.encode()).hexdigest()
        write("keys.yaml", servers.KEYS.format(hash=digest, region="EU"))
        binary = os.path.join(ROOT, "target", "release", "celosia")
        self.log = open(os.path.join(directory, "log"), "ab")
        self.process = subprocess.Popen([binary, "serve", "--config", "celosia.yaml"], cwd=directory, stderr=self.log)
        for _ in range(200):
            try:
                self.ask("select 1 as one")
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server does not answer")

    def ask(self, sql):
        if not hasattr(self, "connection") or self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                "params": {"name": "query", "arguments": {"sql": sql, "limit": 20000}}}
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "MCP-Protocol-Version": "2025-06-18", "Authorization": f"Bearer {servers.KEY}"}
        try:
            self.connection.request("POST", "/mcp", json.dumps(call), headers)
            body = self.connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise
        answer = json.loads(body)
        if "result" not in answer or answer["result"].get("isError"):
            raise SystemExit(f"{sql}\n{body[:2000]!r}")
        return answer["result"]["structuredContent"]

    def times(self, sql):
        """The times of some calls in ms, the first one left out, and the last answer."""
        said, times = self.ask(sql), []
        for _ in range(CALLS):
            started = time.perf_counter()
            said = self.ask(sql)
            times.append((time.perf_counter() - started) * 1000)
        return times, said


def medians(databases, celosia, direct, governed):
    """The medians of both, asked in turns, and Celosia's answer, whose number of rows is the database's."""
    rows, (ours, theirs) = databases.count("tpch", direct), ([], [])
    for _ in range(TURNS):
        theirs += databases.times("tpch", direct)
        times, said = celosia.times(governed)
        ours += times
    assert said["row_count"] == min(rows, 20000), (direct, rows, said["row_count"])
    return statistics.median(theirs), statistics.median(ours), said


def questions():
    text = open(os.path.join(ROOT, "tests", "tpch", "queries.sql")).read()
    return [(name, " ".join(sql.split())) for name, sql in re.findall(r"^-- (Q\d+)\n(.*?)(?=^-- Q|\Z)", text, re.M | re.S)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.2)
    parser.add_argument("--only", default="", help="some questions, such as Q16,Q21")
    parser.add_argument("--generator", default="tpchgen-cli")
    arguments = parser.parse_args()
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="celosia-questions-") as directory:
        databases = Databases(cluster, arguments.generator, arguments.scale)
        celosia = Celosia(directory, databases)
        try:
            print(f"scale {arguments.scale}, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
            print("| question | PostgreSQL, ms | Celosia, ms | ratio | statements |\n|---|---|---|---|---|")
            for name, sql in questions():
                if arguments.only and name not in arguments.only.split(","):
                    continue
                direct, governed, said = medians(databases, celosia, sql, sql)
                count = len(said["receipt"]["sources"])
                print(f"| {name} | {direct:.1f} | {governed:.1f} | {governed / direct:.2f} | {count} |", flush=True)
            print("\n| join | one database, ms | two, through Celosia, ms | rows fetched |\n|---|---|---|---|")
            for name, sql in JOINS.items():
                here = sql.format(c="customer", o="orders")
                there = sql.format(c="crm.public.clients", o="sales.public.orders")
                direct, governed, said = medians(databases, celosia, here, there)
                read = " + ".join(str(source["rows"]) for source in said["receipt"]["sources"])
                print(f"| {name} | {direct:.2f} | {governed:.2f} | {read} |", flush=True)
        finally:
            celosia.process.terminate()
            celosia.process.wait(timeout=30)


if __name__ == "__main__":
    main()
