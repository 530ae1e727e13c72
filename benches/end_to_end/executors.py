#!/usr/bin/env python3
"""Measures a join that one worker's memory does not hold: in the server's own process, and on two executors.

    cargo build --release --features ballista --bin celosia
    pip install tpchgen-cli
    python3 benches/end_to_end/executors.py --scale 10 --memory 512MiB [--data DIRECTORY]

TPC-H's lineitem and orders (60,000,000 and 15,000,000 rows at scale 10) are in two schemas of one PostgreSQL, which are two
sources to Celosia, so the join cannot go down. The judge is PostgreSQL's own answer. Server, scheduler and two executors are
processes of this machine. Memory is what was resident at most (VmHWM); `--data` keeps the loaded database for another run.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request

import questions
from memory import peak
from postgres import Cluster, free_port

BINARY = os.path.join(questions.ROOT, "target", "release", "celosia")
PATIENCE = 7200
# Where the join is made, and on how many executors.
PLACES = {"server": 0, "server+": 0, "executor": 1, "executors": 2}

SQL = (
    "SELECT o.o_orderpriority, l.l_shipmode, count(*) AS n, sum(l.l_shipdate - o.o_orderdate) AS days, sum(l.l_quantity) AS q "
    "FROM {lines}.lineitem l JOIN {books}.orders o ON o.o_orderkey = l.l_orderkey "
    "GROUP BY o.o_orderpriority, l.l_shipmode ORDER BY o.o_orderpriority, l.l_shipmode"
)
CONFIG = """\
version: 1
server: {{ listen: "127.0.0.1:{port}", metrics_listen: "127.0.0.1:{metrics}" }}
identity: {{ api_keys: {{ file: keys.yaml }} }}
sources:
  lines: {{ kind: postgres, url: "{url}", schemas: [lines], concurrency: 8, readers: {readers}, bytes: 256GiB, timeout: 7200s }}
  books: {{ kind: postgres, url: "{url}", schemas: [books], concurrency: 8, readers: {readers}, bytes: 256GiB, timeout: 7200s }}
roles: {{ analyst: {{ open: [{{ tables: ["lines.lines.*", "books.books.*"] }}] }} }}
audit: {{ store: "sqlite:audit.db" }}
limits: {{ rows: 20000, bytes: 64MiB, time: 7200s, memory: {memory} }}
{engine}
"""
ENGINE = (
    'engine: {{ kind: ballista, scheduler: "http://127.0.0.1:{scheduler}", key: "file:engine.key", {transport}mode: {mode}, partitions: {partitions}, '
    "executor: {{ port: {rows}, control_port: {control}, cores: {cores}, memory: {memory}, work: work-{number} }} }}"
)


class Kept(Cluster):
    """A cluster whose directory may outlive the run."""

    def __init__(self, directory):
        super().__init__()
        self.kept = directory
        if directory:
            os.rmdir(self.directory)
            os.makedirs(directory, exist_ok=True)
            self.directory = directory
        self.loaded = os.path.exists(os.path.join(self.directory, "loaded"))

    def __enter__(self):
        if not self.loaded:
            return super().__enter__()
        log = os.path.join(self.directory, "log")
        options = f"-c port={self.port} -c unix_socket_directories={self.directory} -c shared_buffers=512MB -c fsync=off -c jit=off -c autovacuum=off"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", options)
        return self

    def __exit__(self, *exception):
        if not self.kept:
            return super().__exit__(*exception)
        stop = [os.path.join(self.bin, "pg_ctl"), "stop", "-m", "fast", "-D", self._data]
        subprocess.run(stop, capture_output=True, **self._as_owner())


def load(cluster, generator, scale):
    """lineitem and orders without keys, each in a schema of its own."""
    for schema, table in (("lines", "lineitem"), ("books", "orders")):
        create = re.search(rf"CREATE TABLE {table} \(.*?\);", questions.SCHEMA, re.S).group(0)
        create = re.sub(r",\s*PRIMARY KEY \([^)]*\)", "", create).replace(" PRIMARY KEY", "")
        create = create.replace(f"CREATE TABLE {table}", f"CREATE UNLOGGED TABLE {schema}.{table}")
        cluster.sql(f"CREATE SCHEMA {schema}; {create}; GRANT USAGE ON SCHEMA {schema} TO reader; "
                    f"GRANT SELECT ON {schema}.{table} TO reader;", "postgres")
        rows = subprocess.Popen([generator, "csv", "-s", str(scale), "--tables", table, "--stdout"], stdout=subprocess.PIPE)
        copy = [os.path.join(cluster.bin, "psql"), "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", "-d", "postgres",
                "-XAtq", "-c", f"COPY {schema}.{table} FROM STDIN (FORMAT csv, HEADER)"]
        subprocess.run(copy, stdin=rows.stdout, check=True)
        cluster.sql(f"VACUUM ANALYZE {schema}.{table}", "postgres")
    open(os.path.join(cluster.directory, "loaded"), "w").close()


class Size(threading.Thread):
    """The most that was in a directory at a time, in bytes."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.most, self.ended = directory, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.5):
            used = 0
            for parent, _, files in os.walk(self.directory):
                for file in files:
                    try:
                        used += os.stat(os.path.join(parent, file)).st_blocks * 512
                    except OSError:
                        pass
            self.most = max(self.most, used)

    def stop(self):
        self.ended.set()
        self.join()
        return self.most


class Deployment:
    """A scheduler and executors, one configuration each."""

    def __init__(self, directory, url, options, executors):
        self.directory, self.processes = directory, []
        keys = {"engine.key": os.urandom(32).hex(), "transport.key": os.urandom(32).hex()}
        for name, key in keys.items():
            with open(os.path.join(directory, name), "w") as file:
                file.write(key)
        self.engine = lambda number, mode: ENGINE.format(
            scheduler=self.scheduler, transport='transport_key: "file:transport.key", ' if options.encrypt else "", mode=mode,
            partitions=options.partitions, rows=free_port(), control=free_port(), cores=options.cores, memory=options.memory, number=number)
        self.config = lambda number, mode: CONFIG.format(port=free_port(), metrics=free_port(), url=url, readers=options.readers, memory=options.memory,
                                                         engine=self.engine(number, mode))
        self.scheduler = free_port()
        self.run("scheduler", 0)
        for number in range(executors):
            self.run("executor", number)

    def run(self, command, number):
        path = os.path.join(self.directory, f"{command}-{number}.yaml")
        with open(path, "w") as file:
            file.write(self.config(number, "never"))
        log = open(os.path.join(self.directory, f"{command}-{number}.log"), "w")
        self.processes.append(subprocess.Popen([BINARY, command, "--config", path], stdout=log, stderr=log))

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def ask(celosia, sql):
    """How long an answer took, and what it was: an answer, or the text of an error."""
    celosia.connection = http.client.HTTPConnection("127.0.0.1", celosia.port, timeout=PATIENCE)
    begun = time.perf_counter()
    try:
        said = celosia.ask(sql)
    except SystemExit as refused:
        said = str(refused).split("\n")[-1]
    return time.perf_counter() - begun, said


def counted(port):
    """What the server's metrics say of executors."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    return {what: int(count) for what, count in re.findall(r'celosia_executors_total\{what="(\w+)"\} (\d+)', text)}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--scale", type=float, default=10)
    options.add_argument("--memory", default="512MiB", help="of each worker's sorts, joins and aggregates")
    options.add_argument("--readers", type=int, default=2)
    options.add_argument("--partitions", type=int, default=32)
    options.add_argument("--cores", type=int, default=1, help="tasks at a time in each executor")
    options.add_argument("--generator", default="tpchgen-cli")
    options.add_argument("--encrypt", action="store_true", help="TLS between the processes")
    options.add_argument("--data", help="keeps the loaded database here")
    options.add_argument("--more", default="8GiB", help="memory with which the server's own process is asked once more")
    options.add_argument("--only", default=",".join(PLACES), help="some of " + ", ".join(PLACES))
    options = options.parse_args()
    with Kept(options.data) as cluster, tempfile.TemporaryDirectory(prefix="celosia-executors-") as directory:
        if not cluster.loaded:
            load(cluster, options.generator, options.scale)
        begun = time.perf_counter()
        right = cluster.sql(SQL.format(lines="lines", books="books"))
        print(f"PostgreSQL itself, one database: {time.perf_counter() - begun:.0f} s", flush=True)
        sql = SQL.format(lines="lines.lines", books="books.books")
        for place in options.only.split(","):
            measure(place, sql, right, cluster, directory, options)


def measure(place, sql, right, cluster, directory, options):
    executors, elsewhere = PLACES[place], PLACES[place] > 0
    here = os.path.join(directory, place.replace(" ", "-"))
    os.makedirs(here)
    deployment = Deployment(here, cluster.url, options, executors) if elsewhere else None
    memory = options.more if place == "server+" else options.memory
    engine = deployment.engine(9, "always") if elsewhere else ""
    metrics = free_port()
    questions.CONFIG = CONFIG.replace("{metrics}", str(metrics)).replace("{url}", cluster.url).replace("{readers}", str(options.readers)).replace("{memory}", memory)
    questions.CONFIG = questions.CONFIG.replace("{engine}", engine.replace("{", "{{").replace("}", "}}"))
    databases = type("Databases", (), {"url": lambda *_: ""})()
    os.environ["TMPDIR"] = here
    celosia = questions.Celosia(here, databases)
    processes = {"server": celosia.process}
    if elsewhere:
        processes["scheduler"] = deployment.processes[0]
        processes.update({f"executor {number}": process for number, process in enumerate(deployment.processes) if number})
    try:
        files = Size(here)
        took, said = ask(celosia, sql)
        most = files.stop()
        memory = ", ".join(f"{name} {peak(process.pid):.0f} MiB" for name, process in processes.items())
        if isinstance(said, str):
            print(f"{place}: {took:.0f} s, {said[:300]}; {memory}; files {most / 2**20:.0f} MiB", flush=True)
            return
        rows = "\n".join("|".join(str(value) for value in row) for row in said["rows"])
        same = [plain(line) for line in rows.splitlines()] == [plain(line) for line in right.splitlines()]
        sources = said["receipt"]["sources"]
        read = ", ".join(f"{s['name']} {s['rows']:,} by {s.get('readers', 1)}" for s in sources)
        print(f"{place}: {took:.0f} s, answer {'right' if same else 'WRONG'}; {memory}; files {most / 2**20:.0f} MiB; read {read}; "
              f"{counted(metrics) if elsewhere else ''}", flush=True)
    finally:
        celosia.process.terminate()
        celosia.process.wait()
        if deployment:
            deployment.stop()


def plain(line):
    return [re.sub(r"\.0+$", "", value) for value in line.split("|")]


if __name__ == "__main__":
    main()
