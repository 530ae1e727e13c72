// The conformance suite cannot send credentials: this stands between it and the server and adds them.
//
//   node scripts/bearer-proxy.mjs http://127.0.0.1:8017 API_KEY
//
// prints the URL it listens at, on one line, and runs until its standard input ends. Everything else
// of a request goes through as it came, Host and Origin above all.
import http from "node:http";

const [target, key] = process.argv.slice(2);
const upstream = new URL(target);

const server = http.createServer((request, response) => {
  const headers = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i].toLowerCase() !== "authorization") {
      headers.push(request.rawHeaders[i], request.rawHeaders[i + 1]);
    }
  }
  headers.push("Authorization", `Bearer ${key}`);
  const { method, url: path } = request;
  const { hostname: host, port } = upstream;
  const forwarded = http.request({ host, port, method, path, headers, setHost: false }, (answer) => {
    response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  forwarded.on("error", (error) => {
    if (response.headersSent) return response.destroy();
    response.writeHead(502).end(String(error));
  });
  // A client that goes away takes its request with it.
  response.on("close", () => forwarded.destroy());
  request.pipe(forwarded);
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
