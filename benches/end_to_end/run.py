#!/usr/bin/env python3
"""Measures Celosia end to end, beside the database itself and the peers that are installed.

    python3 benches/end_to_end/run.py                       everything, three rounds, some minutes
    python3 benches/end_to_end/run.py --quick               one short round
    python3 benches/end_to_end/run.py --serve               only starts database and server, to look at them

It needs PostgreSQL's programs, rustc, and `cargo build --release --bin celosia`. Peers are measured when --peers-dir
holds them: npm install --prefix DIRECTORY @toolbox-sdk/server@1.12.0 @modelcontextprotocol/server-postgres@0.6.2

Everything runs on 127.0.0.1 and in temporary directories; every loop is bounded in count and in time; only processes
that were started here are ended. Every answer is checked for its key or its number of rows, and the first of
each phase is read as a whole.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import report
import servers
from postgres import COLUMNS, CUSTOMERS, ORDERS, REGIONS, Cluster, customer_mark, order_key, order_mark

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KEYS = 20_000

# name: (statement, calls, seconds, warm-up)
LATENCIES = {
    "select 1": ("select 1 as one", 2_000, 5, 300),
    "key look-up": (f"select {COLUMNS} from {{prefix}}orders where o_orderkey = {{key}}", 3_000, 6, 300),
    "governed look-up": ("select c_custkey, c_name, c_email, c_phone, c_region, c_acctbal "
                         "from {prefix}customers where c_custkey = {key}", 3_000, 6, 300),
    "1,000 rows": (f"select {COLUMNS} from {{prefix}}orders order by o_orderkey limit 1000", 200, 6, 10),
    "10,000 rows": (f"select {COLUMNS} from {{prefix}}orders order by o_orderkey limit 10000", 40, 8, 3),
}
CLIENTS = [1, 8, 32]


def statements(case, prefix):
    """(statement, how often the marker occurs in its rows, marker), as many as there are keys."""
    text = LATENCIES[case][0]
    draw = random.Random(case)
    if case == "key look-up":
        keys = [order_key(draw.randint(1, ORDERS)) for _ in range(KEYS)]
        return [(text.format(prefix=prefix, key=key), 1, order_mark(key)) for key in keys]
    if case == "governed look-up":
        # Those of the caller's region.
        keys = [draw.randrange(1, CUSTOMERS, len(REGIONS)) for _ in range(KEYS)]
        return [(text.format(prefix=prefix, key=key), 1, customer_mark(key)) for key in keys]
    if case == "select 1":
        return [(text, 0, "one")]
    return [(text.format(prefix=prefix), int(case.split()[0].replace(",", "")), "Clerk#")]


class Client:
    """A running load client and the server it has started."""

    def __init__(self, load, server, directory, niceness):
        self.server, self.directory = server, directory
        self.log = open(os.path.join(directory, "server.log"), "ab")
        self.process = subprocess.Popen(server.client(load), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, start_new_session=True)
        prefer(self.process.pid, niceness)
        try:
            self.started = self._answer()
        except BaseException:
            self.close()
            raise

    def _answer(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"fatal": "the load client ended"}
        if "fatal" in answer:
            raise SystemExit(f"{self.server.name}: {answer['fatal']}\n{self.tail()}")
        return answer

    def run(self, name, clients, seconds, calls, warm):
        case = name.split(" at ")[0]
        path = os.path.join(self.directory, case.replace(" ", "-"))
        if not os.path.exists(path):
            with open(path, "w") as file:
                for sql, times, mark in statements(case, self.server.prefix):
                    file.write(f"{json.dumps({self.server.argument: sql})}\t{times}\t{mark}\n")
        print(f"run {name.replace(' ', '_')} {clients} {seconds} {calls} {warm} {path}", file=self.process.stdin, flush=True)
        answer = self._answer()
        self._check(case, answer)
        return answer

    def _check(self, case, answer):
        """Nothing is wrong, and the first answer holds the right rows when it is read as a whole."""
        if answer["wrong"] or answer["failed"] or not answer["answers"]:
            raise SystemExit(f"{self.server.name}: {case}: {answer['wrong']} wrong, {answer['failed']} failed of "
                             f"{answer['answers']}: {answer['problem']}\n{self.tail()}")
        sample = answer.pop("sample")
        data = [line[5:] for line in sample.splitlines() if line.startswith("data:")]
        rows = self.server.rows(json.loads(data[-1] if data else sample))
        expected = {"1,000 rows": 1_000, "10,000 rows": 10_000}.get(case, 1)
        if len(rows) != expected:
            raise SystemExit(f"{self.server.name}: {case}: {len(rows)} rows, not {expected}")
        if case == "governed look-up" and self.server.governed:
            shown = json.dumps(rows[0])
            if "@example.com" not in shown or "person" in shown or "+34-555" in shown or REGIONS[1] not in shown:
                raise SystemExit(f"{self.server.name}: the row is not governed: {shown}")

    def resident(self):
        """The server's resident memory in MiB: now, and at its highest."""
        values = {}
        for line in open(f"/proc/{self.started['pid']}/status"):
            if line.startswith(("VmRSS:", "VmHWM:")):
                values[line[:5]] = int(line.split()[1]) / 1024
        return values["VmRSS"], values["VmHWM"]

    def cpu(self):
        """Seconds of processor time the server has used."""
        fields = open(f"/proc/{self.started['pid']}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tail(self):
        self.log.flush()
        return open(self.log.name, errors="replace").read()[-2_000:]

    def close(self):
        try:
            print("quit", file=self.process.stdin, flush=True)
            self.process.wait(15)
        except (OSError, subprocess.TimeoutExpired):
            # The group holds the client and its server, nothing else.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def prefer(pid, niceness):
    """Lets a process, and the session it leads, go before those of others; needs root."""
    if niceness:
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as group:
            group.write(str(niceness))


def machine():
    values = [int(value) for value in open("/proc/stat").readline().split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)


def foreign():
    """Percent of the machine that others use, while nothing of ours runs."""
    busy, whole = machine()
    time.sleep(0.5)
    busy_after, whole_after = machine()
    return round(100 * (busy_after - busy) / max(1, whole_after - whole))


def compiling():
    """How many compilers run."""
    count = 0
    for name in os.listdir("/proc"):
        try:
            count += name.isdigit() and open(f"/proc/{name}/comm").read().strip() in ("rustc", "ld", "cc1")
        except OSError:
            pass
    return count


def wait_for_quiet(seconds):
    end = time.monotonic() + seconds
    while compiling() and time.monotonic() < end:
        time.sleep(2)
    return compiling()


def phases(options):
    for case, (_, calls, seconds, warm) in LATENCIES.items():
        yield case, 1, seconds * options.scale, max(5, int(calls * options.scale)), warm if options.scale >= 1 else warm // 3 + 1
    for clients in CLIENTS:
        yield f"key look-up at {clients}", clients, options.seconds, 10_000_000, 50


def measure(server, load, options):
    """One round of one server."""
    with tempfile.TemporaryDirectory(prefix="celosia-load-") as directory:
        starts = []
        for _ in range(options.starts - 1):
            client = Client(load, server, directory, options.nice)
            starts.append(client.started["start_ms"])
            client.close()
        client = Client(load, server, directory, options.nice)
        try:
            starts.append(client.started["start_ms"])
            time.sleep(1)
            listed = client.started["tools"]
            result = {"start_ms": min(starts), "idle_mib": client.resident()[0], "tools_bytes": len(listed.encode()), "phases": {}}
            for name, clients, seconds, calls, warm in phases(options):
                if "governed" in name and not server.governed:
                    continue
                others, before = foreign(), client.cpu()
                answer = client.run(name, clients, seconds, calls, warm)
                spent = (client.cpu() - before) * 1000 / (answer["answers"] + warm * clients)
                answer.update(foreign_percent=others, server_cpu_ms=round(spent, 4))
                result["phases"][name] = answer
                show(server.name, name, answer)
            time.sleep(1)
            result["loaded_mib"], result["peak_mib"] = client.resident()
            return result
        finally:
            client.close()


def measure_direct(cluster, options, mode):
    """One round of the database itself, driven by pgbench over libpq."""
    result = {"phases": {}}
    for name, clients, seconds, calls, _ in phases(options):
        case = name.split(" at ")[0]
        sql = LATENCIES[case][0].format(prefix="", key=":key") + ";\n"
        if case == "key look-up":
            sql = f"\\set i random(1, {ORDERS})\n\\set key ((:i >> 3) << 5) | (:i & 7)\n" + sql
        elif "key" in LATENCIES[case][0] and "governed" in case:
            sql = f"\\set key random(0, {CUSTOMERS // len(REGIONS) - 1}) * {len(REGIONS)} + 1\n" + sql
        others = foreign()
        answer = cluster.pgbench(sql, mode, clients, seconds, 0 if " at " in name else calls)
        answer["foreign_percent"] = others
        result["phases"][name] = answer
        show(f"direct ({mode})", name, answer)
    return result


def show(name, phase, answer):
    print(f"  {name:24} {phase:18} p50 {answer['p50_ms']:9.3f}  p95 {answer['p95_ms']:9.3f} ms  "
          f"{answer['per_second']:9.1f}/s  others {answer['foreign_percent']}%"
          + (f"  cpu {answer['server_cpu_ms']:.3f} ms" if "server_cpu_ms" in answer else ""), flush=True)


def compile_load(directory):
    binary = os.path.join(directory, "load")
    source = os.path.join(HERE, "load.rs")
    subprocess.run(["rustc", "-O", "--edition", "2024", source, "-o", binary], check=True)
    return binary


def serve(options, cluster, directory):
    """Starts Celosia and waits, so that others can measure or profile it."""
    server = servers.celosia(options.binary, cluster, directory)[0]
    running = subprocess.Popen(server.command)
    print(json.dumps({"pid": running.pid, "url": f"http://{server.http}", "key": servers.KEY, "config": server.command[-1],
                      "database": cluster.url}), flush=True)
    try:
        running.wait()
    finally:
        running.terminate()
        running.wait()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/celosia"))
    parser.add_argument("--peers-dir", default="/tmp/peers", help="a directory in which npm has installed the peers")
    parser.add_argument("--pg-bin", help="the directory of initdb and pg_ctl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6, help="of each phase with several clients")
    parser.add_argument("--starts", type=int, default=3, help="how often a server is started in a round")
    parser.add_argument("--only", help="servers whose name holds this text")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--quiet", type=float, default=180, help="seconds to wait for compilers to end before each server")
    parser.add_argument("--nice", type=int, default=0,
                        help="niceness of database, servers and clients; on a busy machine -19 shows what they cost themselves")
    parser.add_argument("--serve", action="store_true", help="only start database and server")
    parser.add_argument("--out", default=os.path.join(ROOT, "benches/results.json"))
    options = parser.parse_args()
    options.scale = 0.15 if options.quick else 1
    if options.quick:
        options.rounds, options.starts, options.seconds, options.quiet = 1, 1, 2, 0
    if not os.path.exists(options.binary):
        raise SystemExit(f"{options.binary} is not here: cargo build --release --bin celosia")
    return options


def main():
    options = arguments()
    # A signal ends the context managers in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = lambda name: not options.only or options.only.lower() in name.lower()
    with Cluster(options.pg_bin) as cluster, tempfile.TemporaryDirectory(prefix="celosia-bench-") as directory:
        prefer(cluster.pid, options.nice)
        prefer(os.getpid(), options.nice)
        if options.serve:
            return serve(options, cluster, directory)
        load = compile_load(directory)
        measured = servers.celosia(options.binary, cluster, directory) + servers.peers(options.peers_dir, cluster, directory)
        results = {"machine": report.machine(), "niceness": options.nice, "celosia": servers.version(options.binary), "rounds": []}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            one = {"compilers": wait_for_quiet(options.quiet), "servers": {}}
            results["rounds"].append(one)
            for mode in ("simple", "prepared"):
                if wanted(f"direct ({mode})"):
                    one["servers"][f"direct ({mode})"] = measure_direct(cluster, options, mode)
            for server in measured:
                if wanted(server.name):
                    one["compilers"] = max(one["compilers"], wait_for_quiet(options.quiet))
                    one["servers"][server.name] = measure(server, load, options)
        with open(options.out, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
        print("\n" + report.table(results))


if __name__ == "__main__":
    main()
