#!/usr/bin/env python3
"""Measures what callers of one source feel when another source goes silent: p50 and p99 of look-ups before and after.

    python3 benches/end_to_end/apart.py

Two databases of one throw-away PostgreSQL; between Celosia and the second one stands a proxy that stops passing bytes on, without
closing anything. Eight clients look up keys at the first one all the time; eight more ask the second one. It needs
PostgreSQL's programs and `cargo build --release --bin celosia`.
"""

import asyncio
import http.client
import json
import os
import statistics
import tempfile
import threading
import time

import questions
import servers
from postgres import Cluster, order_key, ORDERS

CLIENTS = 8
SECONDS = 15


class Proxy(threading.Thread):
    """Passes bytes to a port until it is told to hold them."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target, self.port, self.flowing, self.ready = port, 0, True, threading.Event()

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()

    async def connection(self, reader, writer):
        await self.flow()
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.wait([asyncio.create_task(self.copy(reader, up_writer)), asyncio.create_task(self.copy(up_reader, writer))],
                           return_when=asyncio.FIRST_COMPLETED)
        writer.close()
        up_writer.close()

    async def flow(self):
        while not self.flowing:
            await asyncio.sleep(0.05)

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flow()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one of both has hung up


class Databases:
    def __init__(self, cluster, proxy):
        self.sales, self.crm = cluster.url, cluster.url.replace(f":{cluster.port}/", f":{proxy.port}/")

    def url(self, name):
        return self.crm if name == "crm" else self.sales


def caller(port, sql, until, times, errors):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=180)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
               "MCP-Protocol-Version": "2025-06-18", "Authorization": f"Bearer {servers.KEY}"}
    at = 0
    while time.perf_counter() < until:
        at += 1
        call = {"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": {"name": "query", "arguments": {"sql": sql(at)}}}
        begun = time.perf_counter()
        connection.request("POST", "/mcp", json.dumps(call), headers)
        answer = json.loads(connection.getresponse().read())
        times.append((time.perf_counter() - begun) * 1000)
        if answer.get("result", {}).get("isError", True):
            errors.append(answer)
            time.sleep(0.02)  # a client that reads its error


def phase(port, also_second):
    """Look-ups at the first source, and questions to the second one beside them."""
    until = time.perf_counter() + SECONDS
    first, second, wrong, refused = [], [], [], []
    look_up = lambda at: f"select o_totalprice from sales.public.orders where o_orderkey = {order_key(1 + at * 7919 % ORDERS)}"
    other = lambda at: look_up(at).replace("sales.", "crm.")
    threads = [threading.Thread(target=caller, args=(port, look_up, until, first, wrong)) for _ in range(CLIENTS)]
    if also_second:
        threads += [threading.Thread(target=caller, args=(port, other, until, second, refused)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]
    first.sort()
    at = lambda part: first[round((len(first) - 1) * part)]
    return len(first), statistics.median(first), at(0.99), len(second), len(refused)


def main():
    questions.CONFIG = questions.CONFIG.replace("crm.public.clients", "crm.public.*").replace("time: 120s", "time: 30s")
    with Cluster() as cluster, tempfile.TemporaryDirectory(prefix="celosia-apart-") as directory:
        proxy = Proxy(cluster.port)
        proxy.start()
        proxy.ready.wait()
        celosia = questions.Celosia(directory, Databases(cluster, proxy))
        try:
            phase(celosia.port, False)  # warm
            print(f"load average {os.getloadavg()[0]:.1f}; {CLIENTS} clients a source, {SECONDS} s each\n")
            print("| phase | look-ups | p50, ms | p99, ms | asked of the other | refused |\n|---|---|---|---|---|---|")
            for name, also, flowing in (("nobody asks the other", False, True), ("it answers", True, True), ("it goes silent", True, False),
                                        ("it is silent", True, False), ("it is back", True, True)):
                proxy.flowing = flowing
                print("| {} | {} | {:.2f} | {:.2f} | {} | {} |".format(name, *phase(celosia.port, also)), flush=True)
        finally:
            celosia.process.terminate()
            celosia.process.wait(timeout=30)


if __name__ == "__main__":
    main()
