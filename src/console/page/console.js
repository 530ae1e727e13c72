"use strict";
// Who looks, in which language, and which screen. Text goes into the page as text and never as markup.

const byId = (id) => document.getElementById(id);
const stored = (name) => { try { return sessionStorage.getItem(name); } catch { return null; } };
const store = (name, value) => {
  try { value === null ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, value); } catch { /* it lasts as long as the page */ }
};

let key = stored("celosia.key");
let language = stored("celosia.language") || document.documentElement.lang;
let me = null;
let turn = 0;

const word = (name) => (WORDS[language] || WORDS.en)[name] || WORDS.en[name] || name;
const say = (text) => { byId("said").textContent = text; };
/// The language as the reader's own country writes dates and numbers.
const locale = () => navigator.languages.find((tag) => tag.split("-")[0] === language) || language;
const number = (value) => (value === null || value === undefined ? "–" : Number(value).toLocaleString(locale()));

/// An element with attributes, listeners and children; a child that is no element is a text.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

/// Asks the server; throws an error whose message can be shown.
async function ask(path, question) {
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (question) headers["Content-Type"] = "application/json";
  const asked = { headers, method: question ? "POST" : "GET", cache: "no-store", credentials: "same-origin", redirect: "error" };
  if (question) asked.body = JSON.stringify(question);
  let response;
  let body = null;
  try {
    response = await fetch(`/console/api/${path}`, asked);
    body = await response.json();
  } catch (failure) {
    throw new Error(`${word("failed")}: ${failure.message}`);
  }
  if (response.ok) return body;
  const said = body.error || {};
  const failure = new Error([said.message, said.data && said.data.hint].filter(Boolean).join("; ") || String(response.status));
  failure.status = response.status;
  throw failure;
}

/// Puts the words of the language where the page names them.
function translate() {
  document.documentElement.lang = language;
  byId("language").value = language;
  for (const named of document.querySelectorAll("[data-word]")) named.textContent = word(named.dataset.word);
  const where = me ? `${word(place().screen)} – ` : "";
  document.title = `${where}Celosia`;
}

const screens = () => ["catalog", "queries", ...(me.administrator ? ["policy", "sources", "audit"] : []), "connect"];

/// The screen and the thing on it that the address names.
function place() {
  const [screen, ...rest] = location.hash.slice(1).split("/");
  let about = "";
  try { about = decodeURIComponent(rest.join("/")); } catch { /* an address that somebody has written */ }
  return { screen: me && screens().includes(screen) ? screen : "catalog", about };
}

function menu() {
  const here = place().screen;
  const line = (name) => el("li", null, el("a", { href: `#${name}`, "aria-current": name === here && "page" }, word(name)));
  byId("screens").setAttribute("aria-label", word("screens"));
  byId("screens").replaceChildren(el("ul", null, screens().map(line)));
}

/// Shows the screen that the address names. What comes too late for it is thrown away.
async function show() {
  if (!me) return;
  const mine = (turn += 1);
  const fresh = () => mine === turn;
  translate();
  menu();
  const { screen, about } = place();
  const target = byId("screen");
  say(word("loading"));
  try {
    const made = await SCREENS[screen]({ about, fresh });
    if (!fresh()) return;
    target.replaceChildren(...made);
    say(word("loaded"));
  } catch (failure) {
    if (!fresh()) return;
    if (failure.status === 401) return leave(word("anonymous"));
    target.replaceChildren(
      el("h1", null, word(screen)),
      el("p", { class: "problem", role: "alert" }, failure.message),
      el("button", { type: "button", click: show }, word("again")),
    );
    say("");
  }
}

function leave(why) {
  key = null;
  me = null;
  turn += 1;
  store("celosia.key", null);
  byId("screen").replaceChildren();
  byId("who").replaceChildren();
  for (const [id, hidden] of [["screen", true], ["screens", true], ["leave", true], ["enter", false]]) byId(id).hidden = hidden;
  byId("key").value = "";
  byId("refused").hidden = !why;
  byId("refused").textContent = why || "";
  translate();
  byId("key").focus();
}

async function enter() {
  try {
    me = await ask("me");
  } catch (failure) {
    return leave(failure.status === 401 ? `${word("anonymous")} ${failure.message}` : failure.message);
  }
  if (key) store("celosia.key", key);
  byId("key").value = "";
  for (const [id, hidden] of [["screen", false], ["screens", false], ["leave", false], ["enter", true]]) byId(id).hidden = hidden;
  const roles = me.roles.join(", ");
  byId("who").replaceChildren(el("strong", null, me.user), ` · ${roles}`, me.administrator ? ` · ${word("administrator")}` : "");
  await show();
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  key = byId("key").value.trim() || null;
  enter();
});
byId("leave").addEventListener("click", () => leave());
byId("language").addEventListener("change", (event) => {
  language = event.target.value;
  store("celosia.language", language);
  if (!me) return translate();
  byId("who").lastChild.textContent = me.administrator ? ` · ${word("administrator")}` : "";
  show();
});
addEventListener("hashchange", async () => {
  await show();
  // Whoever chose a screen reads on there.
  if (me) byId("main").focus({ preventScroll: true });
});

if (!WORDS[language]) language = "en";
translate();
if (key) enter();
else leave();
