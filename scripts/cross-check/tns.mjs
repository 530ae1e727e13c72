// Drives the Oracle double with node-oracledb (thin): tns.mjs HOST PORT SERVICE USER PASSWORD.
//
// The double is the one of `cargo run -p celosia-connector-testkit --example double tns`. Exits 1 where a
// check differs. Needs `npm i oracledb`, and to be run from where that was done (or with NODE_PATH).

import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

const oracledb = createRequire(`${process.cwd()}/`)("oracledb");
const [host, port, service, user, password] = process.argv.slice(2);
const connectString = `${host}:${port}/${service}`;
let failed = 0;

function check(name, found, expected) {
  if (isDeepStrictEqual(found, expected)) return console.log(`${name}: ok`);
  failed += 1;
  console.log(`${name}:`, found, "instead of", expected);
}

async function error(name, work, code) {
  try {
    await work();
    check(name, "no error", code);
  } catch (caught) {
    check(name, caught.code, code);
  }
}

oracledb.fetchTypeHandler = (metadata) =>
  metadata.dbType === oracledb.DB_TYPE_NUMBER ? { type: oracledb.STRING } : undefined;

const connection = await oracledb.getConnection({ user, password, connectString });
const modern = Number(connection.oracleServerVersionString.split(".")[0]) >= 23;
connection.module = "cross-check";
connection.action = "node";
connection.clientId = "nobody";
await connection.ping();

const rows = async (sql, binds = [], options = {}) =>
  (await connection.execute(sql, binds, { maxRows: 0, ...options })).rows;

check("select 1", await rows("select 1 from dual"), [["1"], [null]]);
const [row, nulls] = await rows("select * from types");
check("numbers", row.slice(0, 3), [
  "12345678901234567890.5",
  "-99999999999999999999999999999999999999",
  "-1234.5",
]);
check("text", row.slice(3, 6), ["zażółć 東京 😀", "zażółć 東京 😀", "ab   "]);
check("times", row.slice(6, 10).map((at) => at.toISOString()), [
  "2024-01-02T03:04:05.000Z",
  "2024-01-02T03:04:05.678Z",
  "2024-01-02T03:04:05.500Z",
  "2024-01-02T03:04:05.500Z",
]);
const { days, hours, minutes, seconds, fseconds } = row[10];
check("days", [days, hours, minutes, seconds, fseconds], [-1, -2, -3, -4, -500000000]);
check("months", [row[11].years, row[11].months], [-1, -2]);
check("floats", row.slice(12, 14), [-2.5, 1.5e300]);
check("raw", row[14], Buffer.from([0, 255, 16]));
check("row ids and long", row.slice(15), ["AAAR3sAAEAAAACXAAA", "AAAR3sAAEAAAACXAAA", "a long text"]);
check("nulls", new Set(nulls), new Set([null]));

const long = "ż😀".repeat(30000);
const bytes = Buffer.from("00ff".repeat(30000), "hex");
const [lobs] = await rows("select * from lobs");
check("locators", await Promise.all([lobs[0].getData(), lobs[1].getData()]), [long, "small"]);
check("binary locator", await lobs[2].getData(), bytes);
const byValue = { fetchInfo: { C: { type: oracledb.STRING }, N: { type: oracledb.STRING }, B: { type: oracledb.BUFFER } } };
const [values] = await rows("select * from lobs", [], { ...byValue, fetchTypeHandler: undefined });
check("values of LOBs", values, [long, "small", bytes]);

if (modern) {
  const [[boolean, json, vector], [noBoolean]] = await rows("select * from modern");
  check("boolean", [boolean, noBoolean], [true, null]);
  check("json", json, { a: [1, 2.5, null, true], b: "ż" });
  check("vector", [...vector], [1.5, -2]);
}

const at = new Date("2024-01-02T03:04:05.678Z");
const binds = ["zażółć 東京 😀", "x".repeat(20000), at, Buffer.from([0, 255]), null];
for (let times = 0; times < 3; times += 1) {
  const [back] = await rows("select :1, :2, :3, :4, :5 from dual", binds);
  check("binds", back, binds);
}
check("a number", await rows("select :1 from dual", [-1.5]), [["-1.5"]]);

for (const [fetchArraySize, prefetchRows] of [[50, 0], [100, 2], [1000, 1000], [20000, 20000]]) {
  const many = await rows("select * from many", [], { fetchArraySize, prefetchRows });
  const right = many.length === 20000 && many.every(([n], index) => Number(n) === index);
  check(`many rows, ${fetchArraySize} at a time`, right, true);
}

await error("an error", () => rows("select 1/0 from dual"), "ORA-01476");
await error("a missing table", () => rows("select * from none"), "ORA-00942");
await error("an error among rows", () => rows("select * from broken"), "ORA-01476");
check("usable after it", await rows("select 1 from dual"), [["1"], [null]]);

const batch = Array.from({ length: 1000 }, (_, n) => [n, String(n)]);
check("a batch", (await connection.executeMany("insert into t values (:1, :2)", batch)).rowsAffected, 1000);
await connection.commit();
await connection.rollback();
await connection.execute("begin p(:1, :2); end;", [1, "two"]);
await connection.execute("begin p(:1, :2); end;", [3, "four"]);

connection.callTimeout = 300;
const begun = Date.now();
await error("a timeout", () => rows("select sleep(:1) from dual", [30]), "NJS-123");
check("it was soon", Date.now() - begun < 5000, true);
connection.callTimeout = 0;
check("usable after it", await rows("select 1 from dual"), [["1"], [null]]);
const sleeping = error("a break", () => rows("select sleep(:1) from dual", [30]), "ORA-01013");
setTimeout(() => connection.break(), 200);
await sleeping;
check("usable after it", await rows("select 1 from dual"), [["1"], [null]]);

const wrong = { user, password: "no", connectString };
await error("a wrong password", () => oracledb.getConnection(wrong), "ORA-01017");
const nowhere = { user, password, connectString: `${host}:${port}/nowhere` };
await error("an unknown service", () => oracledb.getConnection(nowhere), "NJS-518");
await connection.close();
process.exitCode = failed > 0 ? 1 : 0;
