// The console in Chromium, in both languages and both colour schemes.
//
//     node browse.mjs NODE_MODULES CHROMIUM SCREENSHOTS URL ADMINISTRATOR_KEY CALLER_KEY
//
// Prints "browser: ok", or fails with what was wrong.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, executablePath, shots, url, administratorKey, callerKey] = process.argv.slice(2);
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const { source: axe } = require("axe-core");
mkdirSync(shots, { recursive: true });

const WORDS = {
  en: { enter: "Sign in", catalog: "Catalog", queries: "Queries", policy: "Policy preview", sources: "Sources", audit: "Audit", connect: "Connect a client",
    hidden: "hidden", answered: "answered", failed: "failed", holds: "The chain holds.", opens: "opens", wrong: "The credentials were refused.", leave: "Sign out", up: "up" },
  es: { enter: "Entrar", catalog: "Catálogo", queries: "Consultas", policy: "Vista previa de política", sources: "Fuentes", audit: "Auditoría", connect: "Conectar un cliente",
    hidden: "oculta", answered: "respondida", failed: "fallida", holds: "La cadena está íntegra.", opens: "abre", wrong: "Las credenciales fueron rechazadas.", leave: "Salir", up: "activa" },
};
const LOCALES = { en: "en-GB", es: "es-ES" };
const problems = [];
const expect = (holds, what) => { if (!holds) problems.push(what); };

/// A new profile, and a page that tells everything that goes wrong on it.
async function open(browser, language, colorScheme) {
  const context = await browser.newContext({ locale: LOCALES[language], colorScheme, viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error: ${error}`));
  page.on("request", (request) => { if (!request.url().startsWith(url)) said.push(`asked ${request.url()}`); });
  page.on("dialog", (dialog) => { said.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`violation: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(`${url}/console`);
  return { context, page, said };
}

/// What a reader of screens or a weak eye would stumble over.
async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  for (const { id, help, nodes } of violations) problems.push(`${where}: ${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 3).join(" ")}`);
}

async function signIn(page, key, words) {
  // By keys alone: the field has the focus.
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: words.catalog }).waitFor();
}

async function screen(page, words, name) {
  await page.getByRole("navigation").getByRole("link", { name: words[name], exact: true }).click();
  await page.getByRole("heading", { level: 1, name: words[name] }).waitFor();
}

async function administrator(browser, language, colorScheme) {
  const words = WORDS[language];
  const where = `${language} ${colorScheme}`;
  const { context, page, said } = await open(browser, language, colorScheme);
  const shot = (name) => page.screenshot({ path: join(shots, `${language}-${colorScheme}-${name}.png`) });
  expect((await page.locator("html").getAttribute("lang")) === language, `${where}: the language of the page`);
  await page.getByRole("heading", { name: words.enter }).waitFor();
  await accessible(page, `${where} sign-in`);
  await shot("enter");

  await page.keyboard.type("cel_wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: words.wrong }).waitFor();
  // A browser writes down that it was refused; that is all that is written down.
  expect(said.length === 1 && said[0].includes("401"), `${where}: after a wrong key: ${said}`);
  said.length = 0;

  await signIn(page, administratorKey, words);
  await accessible(page, `${where} catalog`);
  await page.locator("#as").selectOption("support");
  await page.locator("form.bar button").click();
  await page.getByRole("link", { name: "shop.main.products" }).waitFor();
  await page.getByRole("link", { name: "customers", exact: true }).click();
  await page.getByText("phone numbers").first().waitFor();
  expect((await page.locator("td .chip.hidden").first().textContent()) === words.hidden, `${where}: an effect`);
  await accessible(page, `${where} a table`);
  await shot("catalog");
  await page.locator("#as").selectOption("");
  await page.locator("form.bar button").click();
  // Names are whatever somebody called their tables.
  await page.getByRole("link", { name: "<img src=x onerror=alert(1)>" }).click();
  await page.getByRole("rowheader", { name: "<script>alert(2)</script>" }).waitFor();
  expect((await page.locator("main img, main script").count()) === 0, `${where}: a name became an element`);

  await screen(page, words, "queries");
  await page.getByText(words.answered, { exact: true }).first().waitFor();
  await page.getByText(words.failed, { exact: true }).first().waitFor();
  await page.locator("details.asked", { hasText: "GROUP BY" }).first().locator("summary").press("Enter");
  const text = await page.locator("main").innerText();
  expect(text.includes("SELECT t1.") || text.includes("FROM `main`"), `${where}: the statement that was sent`);
  expect(!text.includes("q-literal"), `${where}: a literal is shown`);
  await accessible(page, `${where} queries`);
  await shot("queries");

  await screen(page, words, "policy");
  await page.locator("#config").fill("roles: { analyst: { open: [{ tables: '*.*.*' }] }, support: {}, compliance: {} }");
  await page.locator("#screen form button[type=submit]").click();
  await page.locator("td .chip.opens", { hasText: words.opens }).first().waitFor();
  await accessible(page, `${where} policy`);
  await shot("policy");
  await page.locator("#config").fill("roles: [");
  await page.locator("#screen form button[type=submit]").click();
  await page.getByRole("alert").filter({ hasText: "candidate" }).waitFor();

  await screen(page, words, "sources");
  await page.locator(".chip.up", { hasText: words.up }).first().waitFor();
  await accessible(page, `${where} sources`);
  await shot("sources");

  await screen(page, words, "audit");
  await page.locator("main .bar button").click();
  await page.getByText(words.holds).waitFor();
  await accessible(page, `${where} audit`);
  await shot("audit");

  await screen(page, words, "connect");
  await page.locator("#client").selectOption("cursor");
  await page.locator("pre", { hasText: `${url}/mcp` }).waitFor();
  await accessible(page, `${where} connect`);
  await shot("connect");

  // The first key stop leads past the menu.
  await page.reload();
  await page.getByRole("heading", { level: 1 }).first().waitFor();
  await page.keyboard.press("Tab");
  expect((await page.evaluate(() => document.activeElement.className)) === "skip", `${where}: the first key stop`);

  const other = language === "en" ? "es" : "en";
  await page.locator("#language").selectOption(other);
  await page.getByRole("heading", { level: 1, name: WORDS[other].connect }).waitFor();
  expect((await page.locator("html").getAttribute("lang")) === other, `${where}: the switch of languages`);
  await page.getByRole("button", { name: WORDS[other].leave }).click();
  await page.getByRole("heading", { name: WORDS[other].enter }).waitFor();
  expect((await page.locator("#screen").innerText()) === "", `${where}: something stays after signing out`);
  expect((await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes("cel_") === false, `${where}: the key stays`);
  expect((await context.cookies()).length === 0, `${where}: a cookie`);
  expect(said.length === 0, `${where}: said ${said.join("; ")}`);
  await context.close();
}

async function caller(browser, language) {
  const words = WORDS[language];
  const { context, page, said } = await open(browser, language, "light");
  await page.setViewportSize({ width: 420, height: 800 });
  await page.getByRole("heading", { name: words.enter }).waitFor();
  await signIn(page, callerKey, words);
  const links = await page.getByRole("navigation").getByRole("link").allTextContents();
  expect(JSON.stringify(links) === JSON.stringify([words.catalog, words.queries, words.connect]), `${language}: a caller's screens: ${links}`);
  await page.getByRole("link", { name: "customers", exact: true }).click();
  await page.getByRole("rowheader", { name: /^email/ }).waitFor();
  await accessible(page, `${language} a caller's table`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide <= 0, `${language}: ${wide} pixels stick out of a narrow page`);
  await page.screenshot({ path: join(shots, `${language}-narrow.png`) });
  await page.evaluate(() => { location.hash = "#sources"; });
  await page.getByRole("heading", { level: 1, name: words.catalog }).waitFor();
  await screen(page, words, "queries");
  await page.getByText(words.answered, { exact: true }).first().waitFor();
  expect(said.length === 0, `${language}: a caller's page said ${said.join("; ")}`);
  await context.close();
}

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  await Promise.all([administrator(browser, "en", "light"), administrator(browser, "es", "dark"), caller(browser, "es")]);
  if (process.env.CELOSIA_TEST_SCREENSHOTS) await Promise.all([administrator(browser, "en", "dark"), administrator(browser, "es", "light")]);
} catch (failure) {
  problems.push(String(failure.stack || failure));
} finally {
  await browser.close();
}
if (problems.length) {
  console.log(problems.join("\n"));
  process.exit(1);
}
console.log("browser: ok");
