// tedious against a TDS server: a login over TLS, types, parameters, prepared statements, an error, a cancel,
// many packets.
//
//     tds.mjs HOST PORT USER PASSWORD DATABASE [CA_FILE [strict]]
//
// The statements are plain T-SQL that any SQL Server answers. Prints one line and exits 0, or fails with what
// was different.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import tedious from "tedious";

const { Connection, Request, TYPES } = tedious;
const [host, port, user, password, database, authority, mode] = process.argv.slice(2);

const types = [
  ["CAST(1 AS bit)", true],
  ["CAST(255 AS tinyint)", 255],
  ["CAST(-32768 AS smallint)", -32768],
  ["CAST(-2147483648 AS int)", -2147483648],
  ["CAST(9223372036854775807 AS bigint)", "9223372036854775807"],
  ["CAST(12.25 AS decimal(18,4))", 12.25],
  ["CAST(-12.3456 AS money)", -12.3456],
  ["CAST(1.5 AS real)", 1.5],
  ["CAST(-2.25 AS float)", -2.25],
  ["CAST('2024-02-29' AS date)", new Date("2024-02-29T00:00:00Z")],
  ["CAST('2024-01-02 03:04:05.123' AS datetime2(3))", new Date("2024-01-02T03:04:05.123Z")],
  ["CAST('2024-01-02 03:04:05.500' AS datetime)", new Date("2024-01-02T03:04:05.500Z")],
  ["CAST('ab' AS char(5))", "ab   "],
  ["CAST('ab' AS varchar(20))", "ab"],
  ["CAST(N'\u017b\u00f3\u0142\u0107' AS nvarchar(50))", "Żółć"],
  ["CAST(N'\u017b' AS nvarchar(max))", "Ż"],
  ["CAST(0x0102ff AS varbinary(10))", Buffer.from([1, 2, 255])],
  ["CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)", "6F9619FF-8B86-D011-B42D-00C04FC964FF"],
  ["CAST(NULL AS int)", null],
  ["CAST(NULL AS nvarchar(max))", null],
];

function connect(secret) {
  const ca = authority ? readFileSync(authority, "utf8") : undefined;
  const encrypt = mode === "strict" ? "strict" : Boolean(authority);
  const connection = new Connection({
    server: host,
    authentication: { type: "default", options: { userName: user, password: secret } },
    options: {
      port: Number(port), database, encrypt, serverName: "localhost", connectTimeout: 20_000, requestTimeout: 20_000,
      trustServerCertificate: false, cryptoCredentialsDetails: { ca },
    },
  });
  return new Promise((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve(connection)));
  });
}

// Runs one request by the method of a connection that is named; gives its rows.
function run(connection, how, sql, parameters = [], began = () => {}) {
  return new Promise((resolve, reject) => {
    const rows = [];
    const request = new Request(sql, (error) => (error ? reject(error) : resolve(rows)));
    request.on("row", (columns) => rows.push(columns.map((column) => column.value)));
    for (const [name, type, value, options] of parameters) request.addParameter(name, type, value, options);
    connection[how](request);
    began(request);
  });
}

function prepared(connection, sql, name, type, values) {
  return new Promise((resolve, reject) => {
    const rows = [];
    const next = (error) => {
      if (error) return reject(error);
      if (values.length > 0) return connection.execute(request, { [name]: values.shift() });
      request.callback = () => resolve(rows);
      connection.unprepare(request);
    };
    const request = new Request(sql, next);
    request.addParameter(name, type);
    request.on("prepared", () => next());
    request.on("row", ([column]) => rows.push(column.value));
    request.callback = (error) => (error ? reject(error) : undefined);
    connection.prepare(request);
    request.callback = next;
  });
}

const connection = await connect(password);
assert.deepEqual(await run(connection, "execSqlBatch", "SELECT 1 AS n"), [[1]]);
const columns = types.map(([sql], at) => `${sql} AS c${at}`).join(", ");
const [row] = await run(connection, "execSqlBatch", `SELECT ${columns}`);
types.forEach(([sql, wanted], at) => assert.deepEqual(row[at], wanted, sql));

const parameters = [
  ["a", TYPES.Int, 7],
  ["b", TYPES.NVarChar, "Żółć"],
  ["c", TYPES.BigInt, null],
  ["d", TYPES.Decimal, 12.25, { precision: 18, scale: 4 }],
  ["e", TYPES.DateTime2, new Date("2024-01-02T03:04:05.123Z"), { scale: 3 }],
  ["f", TYPES.VarBinary, Buffer.from([1, 2])],
];
const echo = await run(connection, "execSql", "SELECT @a AS a, @b AS b, @c AS c, @d AS d, @e AS e, @f AS f", parameters);
assert.deepEqual(echo, [parameters.map(([, , value]) => value)]);
assert.deepEqual(await prepared(connection, "SELECT @n AS n", "n", TYPES.Int, [1, null, 3]), [1, null, 3]);

const missing = run(connection, "execSqlBatch", "SELECT * FROM no_such_table");
await assert.rejects(missing, (error) => error.number === 208);

// At once the request is taken back while it is sent; later it is broken off by an attention.
for (const wait of [0, 300]) {
  const cancel = () => (wait > 0 ? setTimeout(() => connection.cancel(), wait) : connection.cancel());
  const slow = run(connection, "execSqlBatch", "WAITFOR DELAY '00:00:30'", [], cancel);
  await assert.rejects(slow, (error) => error.code === "ECANCEL");
}

const wide = await run(connection, "execSqlBatch", "SELECT REPLICATE(CAST(N'ab' AS nvarchar(max)), 50000) AS wide");
assert.deepEqual(wide, [["ab".repeat(50000)]]);
connection.close();

await assert.rejects(connect("not the password"), (error) => error.code === "ELOGIN");
console.log("tedious ok");
