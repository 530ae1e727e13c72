"""What is left of the peak at several times the load, and how long a refusal takes.

    python3 benches/end_to_end/overload.py target/release/celosia [--seconds 10] [--times 5] [--places 32]

Starts the demo, asks with as many clients as the server has places (the peak), then sends requests at a fixed pace of
several times what came back, whether or not answers come (an open loop). Prints goodput, refusals and their times as
JSON. Client and server share the machine, so the client's own work counts against both phases.
"""

import argparse
import asyncio
import json
import pathlib
import subprocess
import tempfile
import time

SQL = (
    "SELECT o.status, count(*) AS n, sum(i.quantity * i.unit_price) AS worth "
    "FROM shop.main.orders o JOIN shop.main.order_items i ON i.order_id = o.id "
    "JOIN support.main.tickets t ON t.customer_id = o.customer_id GROUP BY o.status"
)
MOST_CONNECTIONS = 800


def request(key):
    call = {"name": "query", "arguments": {"sql": SQL}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class Clients:
    """Connections that are used again, and what came of each request."""

    def __init__(self, port, key):
        self.port, self.bytes = port, request(key)
        self.idle, self.open = [], 0
        self.seen = []

    async def ask(self):
        if not self.idle and self.open >= MOST_CONNECTIONS:
            self.seen.append(("not sent", 0.0))
            return
        started = time.perf_counter()
        try:
            reader, writer = self.idle.pop() if self.idle else await self.connect()
            writer.write(self.bytes)
            kind = await asyncio.wait_for(self.reply(reader), 60)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            self.open -= 1
            self.seen.append((type(error).__name__, time.perf_counter() - started))
            return
        self.idle.append((reader, writer))
        self.seen.append((kind, time.perf_counter() - started))

    async def connect(self):
        self.open += 1
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def reply(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        body = await reader.readexactly(length)
        status = head.split(" ")[1]
        if status == "429":
            return "shed" if "retry-after:" in head else "shed without a time"
        good = status == "200" and b'"isError":false' in body
        return "good" if good else f"bad {status}"

    def report(self, seconds):
        def spread(kind):
            times = sorted(took * 1_000 for seen, took in self.seen if seen == kind)
            if not times:
                return None
            at = lambda share: round(times[min(len(times) - 1, int(len(times) * share))], 1)
            return {"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}

        kinds = sorted({kind for kind, _ in self.seen})
        counts = {kind: sum(1 for seen, _ in self.seen if seen == kind) for kind in kinds}
        return {
            "goodput_per_s": round(counts.get("good", 0) / seconds, 1),
            "counts": counts,
            "good": spread("good"),
            "shed": spread("shed"),
        }


async def closed(clients, places, seconds):
    """As many at a time as there are places."""
    end = time.perf_counter() + seconds

    async def one():
        while time.perf_counter() < end:
            await clients.ask()

    await asyncio.gather(*(one() for _ in range(places)))


async def opened(clients, pace, seconds):
    """One every so often, whatever comes back."""
    started, sent, running = time.perf_counter(), 0, set()
    while (gone := time.perf_counter() - started) < seconds:
        while sent < gone * pace:
            task = asyncio.create_task(clients.ask())
            running.add(task)
            task.add_done_callback(running.discard)
            sent += 1
        await asyncio.sleep(0.002)
    within = len([kind for kind, _ in clients.seen if kind == "good"])
    await asyncio.gather(*running)
    return within


async def measure(port, key, options):
    warm = Clients(port, key)
    await closed(warm, options.places, 2)
    peak = Clients(port, key)
    await closed(peak, options.places, options.seconds)
    at_peak = peak.report(options.seconds)
    pace = at_peak["goodput_per_s"] * options.times
    over = Clients(port, key)
    within = await opened(over, pace, options.seconds)
    overloaded = over.report(options.seconds)
    # What was answered after the last request was sent is no goodput of these seconds.
    overloaded["goodput_per_s"] = round(within / options.seconds, 1)
    share = overloaded["goodput_per_s"] / max(at_peak["goodput_per_s"], 0.1)
    return {"peak": at_peak, f"at {options.times}x": overloaded, "share_of_peak": round(share, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--times", type=float, default=5)
    parser.add_argument("--places", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        arguments = [options.binary, "demo", "--data", directory, "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            line = next(line for line in server.stdout if line.startswith("Serving MCP on "))
            port = int(line.split("127.0.0.1:")[1].split("/")[0])
            keys = pathlib.Path(directory, "demo-keys.txt").read_text().splitlines()
            key = dict(line.split(" ", 1) for line in keys if " " in line)["analyst"]
            print(json.dumps(asyncio.run(measure(port, key, options)), indent=2))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
