"use strict";
// The screens. Each gives its elements once everything that it shows is there.

const chip = (name, shown) => el("span", { class: `chip ${name}` }, shown || word(name));
const moment = (at) => new Date(at).toLocaleString(locale(), { dateStyle: "short", timeStyle: "medium" });
const bytes = (value) => {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at += 1; }
  return `${value.toLocaleString(locale(), { maximumFractionDigits: 1 })} ${units[at]}`;
};
const span = (ms) => (ms >= 1000 ? `${(ms / 1000).toLocaleString(locale(), { maximumFractionDigits: 1 })} s` : `${number(Math.round(ms))} ms`);
const fact = (name, value) => (value === null || value === undefined || value === "" ? [] : [el("dt", null, name), el("dd", null, value)]);

/// A table; a column that begins with `#` holds numbers, the first cell of a row names it.
function table(label, columns, rows) {
  const plain = (name) => name.replace(/^#/, "");
  const head = columns.map((name) => el("th", { scope: "col", class: name[0] === "#" && "number" }, plain(name)));
  const cell = (value, at) => {
    if (at === 0) return el("th", { scope: "row" }, value);
    return el("td", { class: columns[at][0] === "#" ? "number" : at === columns.length - 1 && "wide" }, value);
  };
  const body = rows.map((row) => el("tr", { class: row.shut && "gone" }, (row.cells || row).map(cell)));
  // What scrolls must be reachable by keys.
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", null, el("caption", { class: "unseen" }, label), el("thead", null, el("tr", null, head)), el("tbody", null, body)));
}

/// With whose eyes an administrator looks; kept while the page is open.
let eyes = null;

function seenBy() {
  const roles = [...me.known_roles];
  const choice = el("select", { id: "as" }, el("option", { value: "" }, word("myself")),
    roles.map((role) => el("option", { value: role, selected: eyes && eyes.roles[0] === role }, role)));
  const written = eyes ? Object.entries(eyes.attributes).map(([name, value]) => `${name}=${value}`).join(", ") : "";
  const attributes = el("input", { id: "attributes", type: "text", value: written, placeholder: word("attributesHint"), spellcheck: "false" });
  const look = (event) => {
    event.preventDefault();
    const pairs = attributes.value.split(",").map((pair) => pair.split("=")).filter((pair) => pair.length === 2);
    const value = (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text === "true" ? true : text === "false" ? false : text);
    eyes = choice.value && { roles: [choice.value], attributes: Object.fromEntries(pairs.map(([name, text]) => [name.trim(), value(text.trim())])) };
    show().then(() => { if (byId("as")) byId("as").focus(); });
  };
  return el("form", { class: "bar", submit: look },
    el("label", null, word("as"), choice), el("label", null, word("attributes"), attributes), el("button", { type: "submit" }, word("look")));
}

/// How the list of tables was left; kept while the page is open.
const list = { filter: "", top: 0 };

function tableLinks(found, about) {
  const link = (name, shown, shut) => el("li", { "data-name": name.toLowerCase() },
    el("a", { href: `#catalog/${encodeURIComponent(name)}`, class: shut && "shut", "aria-current": name === about && "true" }, shown));
  const groups = new Map();
  for (const seen of found.tables) {
    const group = `${seen.source}.${seen.schema}`;
    groups.set(group, [...(groups.get(group) || []), link(seen.name, seen.table)]);
  }
  const lists = [...groups].map(([group, links]) => [el("h3", null, group), el("ul", null, links)]);
  const hidden = found.hidden || [];
  if (hidden.length) lists.push([el("h3", null, word("hiddenTables")), el("ul", null, hidden.map((name) => link(name, name, true)))]);
  const input = el("input", { type: "search", "aria-label": word("filter"), placeholder: word("filter"), value: list.filter });
  const section = el("section", { class: "card list", "aria-label": word("tables"), scroll: () => { list.top = section.scrollTop; } },
    input, lists.length ? lists : el("p", { class: "soft" }, word("none")));
  const filter = () => {
    list.filter = input.value;
    const wanted = input.value.trim().toLowerCase();
    for (const line of section.querySelectorAll("li")) line.hidden = !line.dataset.name.includes(wanted);
  };
  input.addEventListener("input", filter);
  filter();
  const { top } = list;
  requestAnimationFrame(() => { section.scrollTop = top; });
  return section;
}

const rowsOf = (access) => (access.rows === null ? word("noRow") : access.rows === "TRUE" ? word("everyRow") : el("code", null, access.rows));

/// What the policy makes of a table for one caller: only an administrator is sent it.
function policyOf(access, described) {
  const meaning = new Map(((described && described.columns) || []).map((column) => [column.name.toLowerCase(), column.description]));
  const rows = access.columns.map((column) => ({
    shut: column.effect === "hidden",
    cells: [column.column, el("code", null, column.type), chip(column.effect), column.mask || "",
      [column.because, column.open_where && el("div", { class: "soft" }, `${word("nullUnless")} `, el("code", null, column.open_where)),
        meaning.get(column.column.toLowerCase()) && el("div", { class: "soft" }, meaning.get(column.column.toLowerCase()))]],
  }));
  const opening = (role) => [el("dt", null, role.role), el("dd", null, role.rows ? el("code", null, role.rows) : word("everyRow"), " · ",
    role.columns ? role.columns.join(", ") : word("everyColumn"), el("span", { class: "soft" }, ` · ${role.place}`),
    role.problem && el("div", { class: "note" }, `${word("opensNothing")} ${role.problem}`))];
  const restriction = (rule) => [el("dt", null, rule.rule), el("dd", null, el("code", null, rule.rows),
    rule.excepted_by && ` · ${word("excepted")} ${rule.excepted_by}`, rule.problem && el("div", { class: "note" }, rule.problem))];
  return [
    el("dl", null, fact(word("rows"), rowsOf(access))),
    table(word("column"), [word("column"), word("type"), word("effect"), word("mask"), word("because")], rows),
    access.roles.length ? [el("h2", null, word("openings")), el("dl", null, access.roles.map(opening))] : null,
    access.restrictions.length ? [el("h2", null, word("restrictions")), el("dl", null, access.restrictions.map(restriction))] : null,
  ];
}

/// A table as its caller sees it.
function described(seen) {
  const rows = seen.columns.map((column) => [
    [column.name, column.key && el("span", { class: "soft" }, ` ${word("keyColumn")}`)], el("code", null, column.type),
    chip(column.masked ? "masked" : "open"), column.masked || "", column.description || ""]);
  return [
    seen.row_filters.length ? el("p", null, `${word("limitedBy")}: ${seen.row_filters.join(", ")}`) : null,
    table(word("tables"), [word("column"), word("type"), word("effect"), word("mask"), word("description")], rows),
  ];
}

async function tableScreen(about) {
  if (!about) return el("section", { class: "card" }, el("p", { class: "soft" }, word("choose")));
  const found = await ask("table", { name: about, as: eyes || null });
  const seen = found.described;
  return el("section", { class: "card", "aria-labelledby": "about" },
    el("h2", { id: "about" }, about),
    seen && seen.description ? el("p", null, seen.description) : null,
    seen && seen.rows ? el("p", { class: "soft" }, word("aboutRows").replace("{}", number(seen.rows))) : null,
    found.access ? policyOf(found.access, seen) : described(seen),
    seen && (seen.joins || []).length ? [el("h2", null, word("joins")), el("ul", null, seen.joins.map((join) => el("li", null, el("code", null, join))))] : null);
}

async function catalogScreen({ about }) {
  const found = await ask("catalog", { as: eyes || null });
  const shown = await tableScreen(about);
  const held = (found.quarantined || []).map((held) => el("li", null, el("code", null, held.table), ` ${held.columns.join(", ")}: ${held.why}`));
  return [
    el("h1", null, word("catalog")),
    el("p", { class: "soft" }, word(me.administrator ? "catalogAdmin" : "catalogWhy")),
    me.administrator ? seenBy() : null,
    held.length ? el("div", { class: "note" }, word("quarantined"), el("ul", null, held)) : null,
    el("div", { class: "split" }, tableLinks(found, about), shown),
  ].filter(Boolean);
}

function receipt(asked) {
  const { intent, receipt: done } = asked;
  const list = (items, line) => items && items.length ? el("ul", null, items.map((item) => el("li", null, line(item)))) : null;
  const cut = done.truncated ? ` (${word("truncated")})` : "";
  return el("div", null,
    el("h3", null, word("statement")), el("pre", { tabindex: "0" }, intent.statement || "–"),
    el("dl", null,
      fact(word("receipt"), el("code", null, asked.id)), fact(word("user"), [intent.user, intent.roles && ` (${intent.roles.join(", ")})`, intent.issuer && ` · ${intent.issuer}`]),
      fact(word("tool"), intent.tool), fact(word("client"), intent.client), fact(word("error"), done.error && el("code", null, done.error)),
      fact(word("returned"), done.rows_returned === undefined ? null : `${number(done.rows_returned)}${cut}`),
      fact(word("masksApplied"), list(done.masks, (mask) => `${mask.column}: ${mask.mask}, ${word("byRule")} “${mask.rule}”`)),
      fact(word("filtersApplied"), list(done.filters, (filter) => `${filter.table}: ${filter.rule}`)),
      fact(word("redacted"), list(done.redacted, (taken) => `${taken.column}: ${taken.rule}, ${number(taken.values)}`)),
      fact(word("warnings"), list(done.warnings, (warning) => `${warning.code || ""} ${warning.message || warning.text || ""}`)),
      fact(word("lineage"), list(done.lineage, (line) => `${line.column} ← ${line.from.join(", ") || "–"}`)),
      fact(word("columnsRead"), done.columns && done.columns.join(", ")), fact(word("policyVersion"), intent.policy_version),
      fact(word("semanticsVersion"), intent.semantics_version),
      fact(word("recordAt"), `${asked.chain} ${asked.seq}`)),
    (done.sources || []).map((source) => [
      el("h3", null, `${word("sentTo")} ${source.name}: ${number(source.rows)} ${word("rows").toLowerCase()}, ${span(source.ms)}`),
      el("pre", { tabindex: "0" }, source.sql)]));
}

function asked(entry) {
  const status = entry.status === "failed" ? chip("failed", word("failedStatus")) : chip(entry.status);
  return el("details", { class: "asked" },
    el("summary", null, el("span", null, moment(entry.at)), status, el("span", null, entry.intent.user || "–"),
      el("code", null, entry.intent.statement || entry.intent.tool || "–"),
      el("span", { class: "soft" }, entry.receipt.ms === undefined ? entry.receipt.error || "" : span(entry.receipt.ms))),
    receipt(entry));
}

/// What of the statements is shown.
let scope = { everybody: true, user: "" };

async function queriesScreen({ fresh }) {
  const question = (before) => {
    if (!me.administrator) return { before };
    return { everybody: scope.everybody, user: scope.everybody && scope.user ? scope.user : undefined, before };
  };
  const running = el("div", { "aria-live": "polite" });
  const ended = el("div");
  const older = el("button", { type: "button", class: "quiet" }, word("older"));
  const runs = (seen) => running.replaceChildren(...(seen.running.length ? seen.running.map(asked) : [el("p", { class: "soft" }, word("nothingRuns"))]));
  const take = (seen) => {
    ended.append(...seen.ended.map(asked));
    if (!seen.ended.length) ended.append(el("p", { class: "soft" }, word(seen.before ? "olderNone" : "none")));
    older.hidden = !seen.before;
    older.onclick = async () => {
      older.disabled = true;
      try { take(await ask("queries", question(seen.before))); } catch (failure) { ended.append(el("p", { class: "problem", role: "alert" }, failure.message)); }
      older.disabled = false;
    };
  };
  const first = await ask("queries", question({}));
  runs(first);
  take(first);
  const again = async () => {
    if (!fresh()) return;
    // Nobody is asked by a page that nobody sees, and what somebody has opened stays open.
    if (!document.hidden && !running.querySelector("[open]")) {
      try { runs(await ask("queries", question({}))); } catch { /* the next one may do */ }
    }
    setTimeout(again, 5000);
  };
  setTimeout(again, 5000);
  const change = (event) => {
    event.preventDefault();
    scope = { everybody: everybody.checked, user: user.value.trim() };
    show();
  };
  const everybody = el("input", { type: "checkbox", checked: scope.everybody, id: "everybody" });
  const user = el("input", { type: "text", value: scope.user, spellcheck: "false" });
  const bar = el("form", { class: "bar", submit: change },
    me.administrator ? [el("label", { class: "tick" }, everybody, word("everybody")), el("label", null, word("onlyUser"), user)] : null,
    el("button", { type: "submit" }, word("refresh")));
  return [el("h1", null, word("queries")), el("p", { class: "soft" }, word(me.administrator ? "queriesAdmin" : "queriesWhy")), bar,
    el("h2", null, word("runningNow")), running, el("h2", null, word("endedLately")), ended, older];
}

function change(one) {
  const where = one.column ? `${one.table}.${one.column}` : one.table || word("wholeRole");
  const personal = one.personal.length ? el("div", null, chip("masked", word("personal")), ` ${one.personal.join(", ")}`) : null;
  return [one.role, chip(one.direction), el("code", null, where), [one.before, personal], one.after];
}

function difference(found) {
  if (found.errors) return [el("h2", null, word("wrongText")), el("p", { class: "problem", role: "alert" }, found.errors.join("\n"))];
  const sum = found.count === 0 ? word("nothingChanges") : `${number(found.opens)} ${word("ofChanges")} ${number(found.count)} ${word("mayOpen")}.`;
  const columns = [word("role"), word("direction"), word("where"), word("before"), word("after")];
  return [
    el("p", { class: found.opens ? "problem" : "good", role: "status" }, sum, el("span", { class: "mono" }, ` ${found.before} → ${found.after}`)),
    found.unknown_sources.length ? el("p", { class: "note" }, `${word("unknownSources")} ${found.unknown_sources.join(", ")}`) : null,
    found.problems.length ? el("p", { class: "problem" }, `${word("misfits")}:\n${found.problems.join("\n")}`) : null,
    found.changes.length ? table(word("policy"), columns, found.changes.map(change)) : null,
    found.changes.length < found.count ? el("p", { class: "note" }, `${number(found.changes.length)} / ${number(found.count)}`) : null,
  ];
}

async function policyScreen() {
  const area = (id) => el("textarea", { id, spellcheck: "false", autocapitalize: "none" });
  const [config, rules] = [area("config"), area("rules")];
  const files = el("select", { id: "file" }, me.rule_files.map((name) => el("option", { value: name }, name)), el("option", { value: "new.yaml" }, word("newFile")));
  const upload = (id, into) => el("label", null, word("upload"), el("input", { id, type: "file", accept: ".yaml,.yml", change: async (event) => {
    const [file] = event.target.files;
    if (file) into.value = await file.text();
  } }));
  const result = el("div", { "aria-live": "polite" });
  const button = el("button", { type: "submit" }, word("compare"));
  const compare = async (event) => {
    event.preventDefault();
    button.disabled = true;
    result.replaceChildren(el("p", { class: "soft" }, word("loading")));
    const candidate = {};
    if (config.value.trim()) candidate.config = config.value;
    if (rules.value.trim()) candidate.masking_rules = [{ name: files.value, text: rules.value }];
    try {
      result.replaceChildren(...difference(await ask("policy/diff", candidate)).filter(Boolean));
    } catch (failure) {
      result.replaceChildren(el("p", { class: "problem", role: "alert" }, failure.message));
    }
    button.disabled = false;
  };
  const half = (label, hint, ...parts) => el("div", null, label, el("p", { class: "hint" }, hint), ...parts);
  return [el("h1", null, word("policy")), el("p", { class: "soft" }, word("policyWhy")),
    el("form", { submit: compare },
      el("div", { class: "two" },
        half(el("label", { for: "config" }, word("candidateConfig")), word("candidateHint"), config, el("div", { class: "bar" }, upload("configFile", config))),
        half(el("label", { for: "rules" }, word("candidateRules")), word("candidateHint"), rules,
          el("div", { class: "bar" }, el("label", null, word("fileName"), files), upload("rulesFile", rules)))),
      button),
    result];
}

async function connectScreen() {
  const { clients } = await ask("connect");
  const advice = el("p");
  const text = el("pre", { tabindex: "0" });
  const choose = (name) => {
    const chosen = clients.find((client) => client.client === name);
    advice.textContent = (WORDS[language].advice || {})[name] || chosen.advice;
    text.textContent = chosen.text;
  };
  const select = el("select", { id: "client", change: () => choose(select.value) }, clients.map(({ client }) => el("option", { value: client }, client)));
  const copy = async () => {
    try { await navigator.clipboard.writeText(text.textContent); say(word("copied")); button.textContent = word("copied"); } catch { getSelection().selectAllChildren(text); }
  };
  const button = el("button", { type: "button", click: copy }, word("copy"));
  choose(clients[0].client);
  return [el("h1", null, word("connect")), el("p", { class: "soft" }, word("connectWhy")),
    el("div", { class: "bar" }, el("label", null, word("clientName"), select), button), advice, text];
}

const SCREENS = { catalog: catalogScreen, queries: queriesScreen, policy: policyScreen, sources: (given) => sourcesScreen(given), audit: (given) => auditScreen(given), connect: connectScreen };
