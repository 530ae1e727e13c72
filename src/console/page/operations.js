"use strict";
// What administrators see of the server itself: sources, limits, the audit's chain.

const tile = (value, name) => el("div", null, el("b", null, value), el("span", null, name));

function load(value, most, label) {
  if (!most) return number(value);
  return [el("meter", { min: "0", max: String(most), value: String(value || 0), high: String(most * 0.85), "aria-label": label }), ` ${number(value)} / ${number(most)}`];
}

function sourceLine(source) {
  const budget = source.budget || {};
  const shape = source.state === "up" || source.state === "waiting" ? source.state : "down";
  const state = [chip(shape, shape === "down" ? source.state : word(shape)), source.said && el("div", { class: "soft" }, source.said)];
  const described = source.described_seconds === null ? "–" : span(source.described_seconds * 1000);
  const waiting = load(source.waiting, budget.queue, `${source.name}: ${word("waits")}`);
  return [
    [source.name, el("div", { class: "soft" }, budget.kind || "")], state, number(source.tables),
    load(source.running, budget.concurrency, `${source.name}: ${word("runs")}`), waiting, number(source.idle),
    span(budget.timeout_ms || 0), bytes(budget.bytes), number(budget.rows_per_day), [source.server, el("div", { class: "soft" }, `${word("asked")}: ${described}`)],
  ];
}

async function sourcesScreen() {
  const found = await ask("sources");
  const { statements, limits } = found;
  const columns = [word("source"), word("state"), `#${word("tablesCount")}`, word("runs"), word("waits"), `#${word("idle")}`,
    `#${word("timeout")}`, `#${word("bytesEach")}`, `#${word("perDay")}`, word("server")];
  const used = (row) => [row.name, row.kind, row.plan, number(row.requests), number(row.statements), number(row.refusals), number(row.rows_returned), number(row.remote_rows)];
  return [
    el("h1", null, word("sources")), el("p", { class: "soft" }, word("sourcesWhy")),
    el("p", { class: found.ready ? "good" : "problem" }, word(found.ready ? "ready" : "notReady")),
    el("div", { class: "numbers" },
      tile(`${number(statements.running)} / ${number(statements.places)}`, `${word("statements")}, ${word("runs").toLowerCase()}`),
      tile(number(statements.waiting), `${word("statements")}, ${word("waits").toLowerCase()}`),
      tile(number(statements.results), `${word("kept")}, ${bytes(statements.result_bytes)}`),
      tile(number(limits.rows), word("limitRows")), tile(span(limits.time_ms), word("limitTime")), tile(bytes(limits.memory), word("memory"))),
    table(word("sources"), columns, found.sources.map(sourceLine)),
    el("div", { class: "bar" }, el("button", { type: "button", class: "quiet", click: show }, word("refresh"))),
    found.used_today ? [el("h2", null, word("usedToday")), table(word("usedToday"),
      [word("name"), word("kind"), word("plan"), `#${word("requests")}`, `#${word("statements")}`, `#${word("refusals")}`, `#${word("returned")}`, `#${word("remoteRows")}`],
      found.used_today.map(used))] : null,
  ].flat().filter(Boolean);
}

function verified(found) {
  if (!found.holds) return [el("p", { class: "problem", role: "alert" }, `${word("broken")} ${found.why}`)];
  const took = `${found.seconds.toLocaleString(locale(), { maximumFractionDigits: 2 })} ${word("inSeconds")}`;
  const columns = [word("chain"), `#${word("records")}`, `#${word("refused")}`, `#${word("abandoned")}`, `#${word("unclosed")}`, word("head")];
  const line = (chain) => [chain.chain, number(chain.records), number(chain.refused), number(chain.abandoned), number(chain.unclosed), el("code", null, chain.head)];
  return [el("p", { class: "good", role: "status" }, `${word("holds")} ${took}`), table(word("chain"), columns, found.chains.map(line)),
    found.signed ? null : el("p", { class: "note" }, word("notSigned"))].filter(Boolean);
}

async function auditScreen() {
  const found = await ask("audit");
  const result = el("div", { "aria-live": "polite" });
  const button = el("button", { type: "button" }, word("verify"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    result.replaceChildren(el("p", { class: "soft" }, word("verifying")));
    try {
      result.replaceChildren(...verified(await ask("audit/verify", {})));
    } catch (failure) {
      result.replaceChildren(el("p", { class: "problem", role: "alert" }, failure.message));
    }
    button.disabled = false;
  });
  const sinks = found.sinks.length
    ? table(word("sinks"), [word("name"), `#${word("behind")}`], found.sinks.map((sink) => [sink.name, number(sink.behind)]))
    : el("p", { class: "soft" }, word("noSinks"));
  return [el("h1", null, word("audit")), el("p", { class: "soft" }, word("auditWhy")),
    table(word("chain"), [word("chain"), `#${word("records")}`, word("head")], found.chains.map((chain) => [chain.chain, number(chain.records), el("code", null, chain.head)])),
    el("p", { class: "hint" }, `${number(found.waiting)} ${word("toWrite")}`),
    el("h2", null, word("sinks")), sinks, el("div", { class: "bar" }, button), result];
}
