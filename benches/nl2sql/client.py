"""A client of `celosia stdio`: one request at a time, newline-delimited JSON-RPC."""

import json
import subprocess
import time


class Client:
    def __init__(self, binary, config):
        self.process = subprocess.Popen(
            [binary, "stdio", "--config", config],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )
        self.id = 0
        self.request("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        })
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def request(self, method, params):
        self.id += 1
        self.send({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the server has ended; run it by hand to see why")
            answer = json.loads(line)
            if answer.get("id") == self.id:
                return answer["result"] if "result" in answer else self.fail(answer)

    def fail(self, answer):
        raise SystemExit(f"the server answers {answer['error']}")

    def search(self, **arguments):
        """The text, the data, and the milliseconds it took."""
        return self.call("search", arguments)

    def describe(self, **arguments):
        return self.call("describe", arguments)

    def call(self, tool, arguments):
        started = time.perf_counter()
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        took = (time.perf_counter() - started) * 1000
        if result.get("isError"):
            raise SystemExit(f"{tool} answers {result['content'][0]['text']}")
        return result["content"][0]["text"], result["structuredContent"], took

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)
