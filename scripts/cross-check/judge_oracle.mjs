// Judges the Oracle statements of a test run by a PL/SQL grammar.
//
//     judge_oracle.mjs FILE      one JSON string a line
//
// Statements of one shape (names, operators and repetitions aside) are judged once. Ends with the number
// of shapes, and with status 1 where one was refused.

import { readFileSync } from "node:fs";
import { getParserFromInput } from "@griffithswaite/ts-plsql-parser";

// What stands beside itself, or in parentheses of its own, is judged as one.
const folds = [
  [/("x")(?:, "x")+/g, "$1"],
  [/(:1)(?:, :1)+/g, "$1"],
  [/("x" = :1)(?: (?:AND|OR) "x" = :1)+/g, "$1"],
  [/(?:NOT )?\(("x" = :1)\)/g, "$1"],
];
// The longest statements are judged whole, too.
const whole = 20;

function shape(sql) {
  let folded = sql
    .replace(/"(?:[^"]|"")*"/g, '"x"')
    .replace(/:\d+/g, ":1")
    .replace(/ (?:<>|<=|>=|<|>) /g, " = ");
  for (let before = ""; before !== folded; ) {
    before = folded;
    for (const [pattern, one] of folds) folded = folded.replace(pattern, one);
  }
  return folded;
}

function judge(sql) {
  const parser = getParserFromInput(sql + ";");
  const found = [];
  parser.removeErrorListeners();
  parser.addErrorListener({
    syntaxError: (recognizer, symbol, line, column, message) =>
      found.push(`${line}:${column} ${message.slice(0, 120)}`),
    reportAmbiguity() {},
    reportAttemptingFullContext() {},
    reportContextSensitivity() {},
  });
  parser.sql_script();
  return found;
}

// A judge that accepts everything judges nothing.
if (judge("SELECT a FROM t LIMIT 3").length === 0 || judge('SELECT "a" FROM "S"."T"').length > 0) {
  console.error("the judge does not know Oracle's SQL");
  process.exit(1);
}
const lines = readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean);
const statements = [...new Set(lines.map((line) => JSON.parse(line)))];
const longest = statements.filter((sql) => sql.length < 10_000).sort((a, b) => b.length - a.length);
const shapes = [...new Set([...statements.map(shape), ...longest.slice(0, whole)])].sort();
let refused = 0;
for (const sql of shapes) {
  const [complaint] = judge(sql);
  if (complaint) {
    refused += 1;
    console.log(`refused: ${complaint}\n  ${sql}`);
  }
}
console.log(`Oracle: ${shapes.length} shapes judged, ${refused} refused`);
process.exit(refused > 0 || shapes.length === 0 ? 1 : 0);
