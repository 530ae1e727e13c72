"""A throw-away PostgreSQL cluster with orders and customers in it, and what it does when asked directly."""

import glob
import hashlib
import os
import pwd
import re
import shutil
import socket
import statistics
import subprocess
import tempfile

ORDERS = 300_000
CUSTOMERS = 30_000
REGIONS = ["EU", "US", "APAC", "LATAM"]
COLUMNS = (
    "o_orderkey, o_custkey, o_orderstatus, o_totalprice, o_orderdate, "
    "o_orderpriority, o_clerk, o_shippriority, o_comment"
)

# Shapes and widths of TPC-H; every value follows from the row's number. Each comment begins with a text that
# no other row holds, so that an answer shows which row it is.
DATA = f"""
CREATE TABLE orders (
    o_orderkey bigint PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus varchar(1) NOT NULL,
    o_totalprice numeric(15, 2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority varchar(15) NOT NULL,
    o_clerk varchar(15) NOT NULL, o_shippriority int NOT NULL, o_comment varchar(79));
INSERT INTO orders
SELECT key, 1 + i % {CUSTOMERS}, (ARRAY['O', 'F', 'P'])[1 + i % 3],
       (90000 + (i::bigint * 7919) % 45000000)::numeric / 100, date '1992-01-01' + (i * 31) % 2400,
       (ARRAY['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW'])[1 + i % 5],
       'Clerk#' || lpad((i % 1000)::text, 9, '0'), 0,
       substr(md5('order ' || key), 1, 16) || substr(' carefully final deposits sleep above the', 1, 10 + i % 32)
FROM (SELECT i, ((i >> 3) << 5 | (i & 7))::bigint AS key FROM generate_series(1, {ORDERS}) i) numbered;
CREATE TABLE customers (
    c_custkey int PRIMARY KEY, c_name varchar(40) NOT NULL, c_email varchar(60) NOT NULL,
    c_phone varchar(15) NOT NULL, c_region varchar(5) NOT NULL, c_acctbal numeric(15, 2) NOT NULL);
INSERT INTO customers
SELECT i, 'Customer ' || substr(md5('customer ' || i), 1, 16), 'person' || i || '@example.com',
       '+34-555-' || lpad((i % 1000)::text, 3, '0') || '-' || lpad((i % 100)::text, 2, '0'),
       (ARRAY['{"','".join(REGIONS)}'])[1 + i % {len(REGIONS)}], (i * 37 % 1000000)::numeric / 100
FROM generate_series(1, {CUSTOMERS}) i;
CREATE ROLE reader LOGIN;
GRANT SELECT ON orders, customers TO reader;
"""


def order_key(number):
    """The key of the order with this number: 8 of each 32 are used."""
    return (number >> 3) << 5 | number & 7


def order_mark(key):
    """The text that only this order's row holds."""
    return hashlib.md5(f"order {key}".encode()).hexdigest()[:16]


def customer_mark(key):
    """The text that only this customer's row holds."""
    return hashlib.md5(f"customer {key}".encode()).hexdigest()[:16]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Cluster:
    """A server on 127.0.0.1, in a directory of its own. Leaving the context stops it and removes the directory."""

    def __init__(self, binaries=None):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        self.bin = binaries or (found[-1] if found else os.path.dirname(shutil.which("postgres") or ""))
        if not os.path.exists(os.path.join(self.bin, "initdb")):
            raise SystemExit("PostgreSQL's programs are not here: apt-get install postgresql, or --pg-bin DIRECTORY")
        self.directory = tempfile.mkdtemp(prefix="celosia-bench-pg-")
        self.port = free_port()
        # PostgreSQL does not run as root.
        self.owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    def __enter__(self):
        try:
            if self.owner:
                os.chown(self.directory, self.owner.pw_uid, self.owner.pw_gid)
            self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            settings = {
                "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.directory,
                "shared_buffers": "512MB", "max_connections": 100, "fsync": "off", "synchronous_commit": "off",
                "full_page_writes": "off", "autovacuum": "off", "jit": "off",
            }
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", os.path.join(self.directory, "log"), "-o", options)
            self.sql(DATA, "postgres")
            self.sql("VACUUM ANALYZE orders", "postgres")
            self.sql("VACUUM ANALYZE customers", "postgres")
            rows = self.sql("SELECT count(*), count(DISTINCT left(o_comment, 16)) FROM orders")
            if rows != f"{ORDERS}|{ORDERS}":
                raise SystemExit(f"the orders are not as they should be: {rows}")
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        stop = [os.path.join(self.bin, "pg_ctl"), "stop", "-m", "immediate", "-D", self._data]
        subprocess.run(stop, capture_output=True, **self._as_owner())
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _data(self):
        return os.path.join(self.directory, "data")

    @property
    def pid(self):
        return int(open(os.path.join(self._data, "postmaster.pid")).readline())

    @property
    def url(self):
        return f"postgres://reader@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def sql(self, text, user="reader"):
        command = [os.path.join(self.bin, "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", "postgres",
                   "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        return subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.PIPE).stdout.strip()

    def _as_owner(self):
        if not self.owner:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": [], "cwd": self.directory,
                "env": {"PATH": self.bin + ":/usr/bin:/bin", "HOME": self.directory, "LC_ALL": "C"}}

    def _run(self, program, *arguments):
        # Not captured through a pipe: the server would inherit it and keep it open.
        with tempfile.TemporaryFile("w+") as said:
            command = [os.path.join(self.bin, program), *map(str, arguments)]
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **self._as_owner()).returncode:
                said.seek(0)
                raise SystemExit(f"{program} failed: {said.read()[-1000:]}")

    def pgbench(self, sql, mode, clients, seconds, calls):
        """Runs a statement in a closed loop: `calls` of them, or for `seconds` where `calls` is 0."""
        with tempfile.TemporaryDirectory(prefix="celosia-pgbench-") as scratch:
            script, log = os.path.join(scratch, "script.sql"), os.path.join(scratch, "log")
            with open(script, "w") as file:
                file.write(sql)
            bound = ["-t", str(calls)] if calls else ["-T", str(max(1, round(seconds)))]
            command = [os.path.join(self.bin, "pgbench"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "reader", "-n",
                       "-M", mode, "-f", script, "-c", str(clients), "-j", str(min(2, clients)),
                       "-l", "--log-prefix", log, *bound, "postgres"]
            done = subprocess.run(command, text=True, capture_output=True)
            if done.returncode:
                raise SystemExit(f"pgbench failed: {done.stderr[-1000:]}")
            # client, transaction, microseconds, ...
            times = sorted(int(line.split()[2]) / 1000 for path in glob.glob(log + ".*") for line in open(path))
            per_second = float(re.search(r"tps = ([\d.]+) \(without", done.stdout).group(1))
            at = lambda part: times[round((len(times) - 1) * part)]
            return {"answers": len(times), "per_second": per_second, "p50_ms": at(0.5), "p95_ms": at(0.95),
                    "p99_ms": at(0.99), "min_ms": times[0], "mean_ms": statistics.mean(times)}
