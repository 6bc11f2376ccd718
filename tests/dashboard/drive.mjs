// drive.mjs - the dashboard in Chromium: what is loaded, shown, searched, reached by keys, and what is
// not run and not asked for. Prints a line a test: ok or fail, its name, details; parted by tabs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import { beatAgain, busy, dead, evil, hostile, pausedSpool, takeup } from "./spools.mjs";
import { findings } from "./contrast.mjs";

const { chromium } = createRequire(process.cwd() + "/")("playwright-core");
const { WORK: work, SHOTS: shots } = process.env;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

async function test(name, fn) {
  try { await fn(); console.log(`ok\t${name}`); }
  catch (error) { console.log(`fail\t${name}\t${String(error.message || error).replace(/\s+/g, " ").slice(0, 600)}`); }
}

const until = async (what, fn) => {
  for (const end = Date.now() + 60000; Date.now() < end;) {
    const got = await fn();
    if (got) return got;
    await new Promise(done => setTimeout(done, 50));
  }
  throw new Error(`waited in vain for ${what}`);
};

// A page, and all that it asked for, said on the console, or did that it should not.
async function open(url, { width = 1280, height = 900, scheme = "light", at = 0, motion = "no-preference", context } = {}) {
  const own = context || await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: motion });
  const page = await own.newPage(), said = [], asked = [];
  page.on("console", message => said.push(message.text()));
  page.on("pageerror", error => said.push(error.message));
  page.on("dialog", dialog => { said.push("a dialog"); dialog.dismiss(); });
  page.on("request", request => asked.push(request.url()));
  if (at) await page.clock.install({ time: at });
  await page.goto(url);
  return Object.assign(page, { said, asked, done: () => context ? page.close() : own.close() });
}
// Not waitForFunction: it uses eval, which the page's policy forbids.
const becomes = (page, fn, arg) => until(String(fn), () => page.evaluate(fn, arg));
const shoot = (page, name, fullPage = true) => page.screenshot({ path: `${shots}/${name}.png`, fullPage });
const textOf = (page, selector) => page.locator(selector).innerText();
const wide = page => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
async function clean(page, url) {
  assert.deepEqual(page.said, [], "the console is silent");
  assert.deepEqual(page.asked.filter(one => !one.startsWith(url) && !one.startsWith("data:")), [], "nothing is asked elsewhere");
}

const started = [];
function start(...args) {
  const child = spawn(process.env.TAKEUP, args, { stdio: ["ignore", "ignore", "pipe"] });
  child.log = "";
  child.stderr.on("data", data => { child.log += data; });
  started.push(child);
  return child;
}

const files = {};
for (const [name, make] of Object.entries({ busy, hostile, dead, paused: pausedSpool })) {
  const spool = make(`${work}/${name}`);
  takeup("dashboard", "--spool", spool, "-o", `${work}/${name}.html`);
  files[name] = `file://${work}/${name}.html`;
}
takeup("dashboard", "--spool", `${work}/busy`, "--json", "-o", `${work}/busy.json`);
const state = JSON.parse(fs.readFileSync(`${work}/busy.json`));

await test("a file: it shows what the spool holds", async () => {
  const page = await open(files.busy);
  assert.match(await page.title(), /^4 running, 255 waiting/);
  assert.match(await textOf(page, "#state h2"), /All was well/);
  assert.match(await textOf(page, "#sums"), /Done\s+260\s/);
  assert.match(await textOf(page, "#run"), /board meeting 2026-11-28[\s\S]*step text[\s\S]*62 %[\s\S]*alpha[\s\S]*2 min 21 s/);
  assert.match(await textOf(page, "#run"), /orphaned-clip[\s\S]*its worker is dead/);
  assert.match(await textOf(page, "#err"), /Übersicht – Q3[\s\S]*missing[\s\S]*the language 'deu' is not installed[\s\S]*To do:[\s\S]*apt-get/);
  assert.match(await textOf(page, "#queue"), /high\s+1\s+normal\s+240\s+low\s+12\s+deferred\s+1\s+inbox\s+2/);
  assert.match(await textOf(page, "#prob"), /pending\/holiday\.mp4/);
  assert.match(await textOf(page, "#work"), /alpha[\s\S]*busy[\s\S]*gamma[\s\S]*idle/);
  const captions = await page.locator("table > caption").count(), tables = await page.locator("table").count();
  assert.ok(tables >= 7 && captions === tables, `${tables} tables, ${captions} captions`);
  await shoot(page, "wide-light");
  await clean(page, files.busy);
  await page.done();
});

await test("a file: the chart and its table count what ended", async () => {
  const page = await open(files.busy);
  const sum = list => list.slice(-24).reduce((n, one) => n + one, 0);
  const wanted = `${sum(state.throughput.done)} done, ${sum(state.throughput.error)} failed in the last 24 hours`;
  assert.equal(await page.locator("#chart svg").getAttribute("aria-label"), wanted);
  await page.click("#chart summary");
  assert.equal(await page.locator("#chart tbody tr").count(), 24);
  await page.click("[data-by=day]");
  assert.equal(await page.locator("#chart tbody tr").count(), 14);
  assert.equal(await page.locator("[data-by=day]").getAttribute("aria-pressed"), "true");
  await page.done();
});

await test("the chart's writing is as large on a phone, and does not run into itself", async () => {
  for (const width of [320, 390, 1280])
    for (const by of ["hour", "day"]) {
      const page = await open(files.busy, { width });
      await page.click(`[data-by=${by}]`);
      const boxes = await page.locator("#chart text").evaluateAll(all => all.map(node => { const box = node.getBoundingClientRect(); return { left: box.left, right: box.right, top: box.top, bottom: box.bottom, text: node.textContent }; }));
      assert.ok(boxes.length >= 4, "there is writing");
      for (const box of boxes) assert.ok(box.bottom - box.top >= 11, `${width}, ${by}: '${box.text}' is ${box.bottom - box.top} high`);
      for (const one of boxes)
        for (const other of boxes)
          assert.ok(one === other || one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top, `${width}, ${by}: '${one.text}' on '${other.text}'`);
      await page.done();
    }
});

await test("a file: search among the names in it", async () => {
  const page = await open(files.busy);
  await page.fill("#q", "CAMERA-1");
  await becomes(page, () => document.querySelector("#found-n").textContent.startsWith("2 jobs"));
  assert.match(await textOf(page, "#found-t"), /camera-1[\s\S]*camera-13/);
  await page.fill("#q", "rescan-11");
  await becomes(page, () => document.querySelector("#found-n").textContent.includes("no job"));
  await page.fill("#q", "archive-1998-0001");
  await becomes(page, () => document.querySelector("#found-n").textContent.startsWith("1 job,"));
  await page.press("#q", "Escape");
  assert.ok(await page.locator("#found").isHidden());
  await page.done();
});

await test("by keys alone: all is reached, shown as such, and left again", async () => {
  const page = await open(files.busy);
  const here = () => page.evaluate(() => {
    const node = document.activeElement;
    if (node === document.body) return null;
    const style = getComputedStyle(node);
    return { id: node.id || node.className || node.dataset.by || node.tagName, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, y: node.getBoundingClientRect().top };
  });
  const reached = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const one = await here();
    if (!one) break;
    reached.push(one);
    assert.ok(one.outline, `the focus is seen on ${one.id}`);
  }
  assert.ok(await here() === null, "the last one lets go");
  const ids = reached.map(one => one.id);
  assert.equal(ids[0], "skip");
  assert.ok(reached[0].y >= 0, "the link to the content is seen when it has the focus");
  for (const id of ["q", "theme", "hour", "day", "SUMMARY", "all"]) assert.ok(ids.includes(id), `${id} is among ${ids}`);
  await page.keyboard.press("Shift+Tab");
  assert.equal((await here()).id, ids.at(-1), "and back");
  await page.focus(".skip");
  await page.keyboard.press("Enter");
  assert.equal((await here()).id, "main");
  await page.keyboard.press("/");
  assert.equal((await here()).id, "q");
  await page.keyboard.type("a/b");
  assert.equal(await page.inputValue("#q"), "a/b", "a slash can be typed");
  await page.keyboard.press("Escape");
  await page.focus("#err .all");
  const before = await page.locator("#err tbody tr").count();
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#err tbody tr").count() > before, "Enter shows all errors");
  assert.equal((await here()).id, "all", "and the focus stays");
  await page.done();
});

await test("dark where the reader's device is dark; the button turns it, and is remembered", async () => {
  const page = await open(files.busy, { scheme: "dark" });
  const shade = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((n, one) => n + +one, 0));
  assert.ok(await shade() < 150, "dark");
  await shoot(page, "wide-dark");
  await page.click("#theme");
  assert.ok(await shade() > 600, "light");
  await page.reload();
  assert.ok(await shade() > 600, "light still");
  assert.equal(await textOf(page, "#theme"), "Dark");
  await page.done();
});

for (const width of [320, 390, 768, 1280])
  await test(`${width} px wide: nothing scrolls sideways`, async () => {
    for (const name of Object.keys(files)) {
      const page = await open(files[name], { width, height: 800 });
      await page.fill("#q", "x");
      await becomes(page, () => !document.querySelector("#found").hidden);
      for (const button of await page.locator(".all").all()) await button.click();
      assert.equal(await wide(page), 0, name);
      const out = await page.evaluate(() => [...document.querySelectorAll("main *")].filter(node => node.getClientRects().length && !node.closest(".unseen, thead, svg") && node.getBoundingClientRect().right > innerWidth + 1).map(node => node.outerHTML.slice(0, 80)));
      assert.deepEqual(out, [], name);
      if (width < 768) await shoot(page, `${name}-${width}`);
      await page.done();
    }
  });

await test("the numbers stand in whole rows, and the head in one where there is room", async () => {
  for (const width of [320, 390, 640, 768, 900, 1280]) {
    const page = await open(files.busy, { width });
    const rows = {};
    for (const top of await page.locator("#sums > div").evaluateAll(all => all.map(node => node.offsetTop))) rows[top] = (rows[top] || 0) + 1;
    assert.equal(new Set(Object.values(rows)).size, 1, `${width}: ${JSON.stringify(rows)}`);
    if (width >= 768) assert.ok((await page.locator("header").boundingBox()).height < 70, `${width}: the head`);
    await page.done();
  }
});

await test("a phone: a number whose head is not seen says what it is", async () => {
  const page = await open(files.busy, { width: 390 });
  const before = selector => page.locator(selector).evaluateAll(all => all.map(node => [getComputedStyle(node).display, getComputedStyle(node, "::before").content]));
  const left = await before("#run td.num"), took = await before("#done td.num:nth-child(2)");
  assert.ok(took.length > 0 && took.every(([, text]) => /took/.test(text)), `${took}`);
  assert.deepEqual(left.map(([shown, text]) => shown !== "none" && /left/.test(text)).sort(), [false, false, true, true], "two are known, and two have none to show");
  await page.done();
});

await test("a phone: what is touched is 44 px high", async () => {
  const page = await open(files.busy, { width: 390, height: 800 });
  for (const selector of ["#q", "#theme"]) assert.ok((await page.locator(selector).boundingBox()).height >= 44, selector);
  await page.done();
});

await test("contrast: text 4.5 to 1 (large 3), what is drawn 3 to 1, light and dark", async () => {
  const late = Date.parse(state.at) + 3 * 3600 * 1000;
  for (const scheme of ["light", "dark"])
    for (const [name, at] of [["busy", 0], ["dead", 0], ["paused", 0], ["hostile", 0], ["busy", late]]) {
      const page = await open(files[name], { scheme, at });
      await page.fill("#q", "c");
      await page.click("#chart summary");
      if (at) await page.clock.runFor(200);
      const { low, texts } = await page.evaluate(findings);
      assert.deepEqual(low, [], `${name}, ${scheme}`);
      assert.ok(texts > 20, `${texts} texts were looked at`);
      await page.done();
    }
});

await test("names and messages of strangers: nothing runs, nothing is markup, all is seen", async () => {
  const page = await open(files.hostile);
  await page.fill("#q", "<");
  await becomes(page, () => !document.querySelector("#found").hidden);
  for (const button of await page.locator(".all").all()) await button.click();
  assert.equal(await page.evaluate(() => document.ran), undefined);
  assert.equal(await page.locator("img, b, iframe, object").count(), 0);
  assert.equal(await page.locator("script").count(), 2);
  const shown = await textOf(page, "#err");
  for (const name of [evil.script, evil.image, evil.quotes, evil.comment, evil.proto]) assert.ok(shown.includes(name), `${name} is shown as it is`);
  assert.ok(shown.includes("invoice\\u202egpj.exe\\u2066\\u200f"), "what turns the order is an escape");
  assert.ok(shown.includes("red \\x1b[31m\\x07 \\x9b2J"), "so is what a terminal would obey");
  const unseen = await page.evaluate(() => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(document.body.innerText + document.title + [...document.querySelectorAll("[title]")].map(node => node.title).join("")));
  assert.equal(unseen, false, "nothing unseen is left");
  const heights = await page.locator("main tbody tr").evaluateAll(rows => rows.map(row => row.offsetHeight));
  assert.ok(Math.max(...heights) < 300, `rows stay small: ${heights}`);
  await shoot(page, "hostile");
  await clean(page, files.hostile);
  await page.done();
});

await test("nothing alive: in red, with the reason, what to do, in the title and the icon", async () => {
  const page = await open(files.dead);
  const red = await page.evaluate(() => getComputedStyle(document.querySelector("#state")).backgroundColor.match(/\d+/g).map(Number));
  assert.ok(red[0] > 2 * red[1] && red[0] > 2 * red[2] && red[0] > 100, `${red} is red`);
  assert.match(await textOf(page, "#state"), /Nothing was alive[\s\S]*no worker has ever run on this spool, and 3 jobs are pending[\s\S]*What to do: start one: takeup worker --spool/);
  assert.ok((await page.locator("#state").boundingBox()).y < 120, "at the top");
  assert.match(await textOf(page, "#said"), /Nothing was alive/);
  assert.match(await page.title(), /^✖ Nothing was alive/);
  assert.match(await page.locator("#icon").getAttribute("href"), /^data:image\/svg\+xml,.*c4221a/);
  await shoot(page, "dead");
  await clean(page, files.dead);
  await page.done();
});

await test("paused: in red, with the reason", async () => {
  const page = await open(files.paused);
  assert.match(await textOf(page, "#state"), /Paused: no job is taken[\s\S]*less than 256 MiB are free on the disk/);
  assert.equal(await page.locator("#state").getAttribute("class"), "bad");
  await page.done();
});

await test("a file that is old says so, by the reader's clock", async () => {
  const at = Date.parse(state.at);
  for (const [later, head] of [[3 * 3600, /This page is 3 h old/], [-600, /Clocks differ/], [20, /All was well/]]) {
    const page = await open(files.busy, { at: at + later * 1000 });
    assert.match(await textOf(page, "#state h2"), head);
    if (later > 600) await shoot(page, "old", false);
    await page.done();
  }
});

// A page that `takeup dashboard --every` wrote, and then writes no more.
const again = `${work}/again.html`;
await test("a file that is written anew: there is one", async () => {
  beatAgain(`${work}/busy`);
  const writer = start("dashboard", "--spool", `${work}/busy`, "-o", again, "--every", "1m");
  await until("the page", () => fs.existsSync(again) || (writer.exitCode !== null && `status ${writer.exitCode}: ${writer.log}`));
  writer.kill("SIGTERM");
  assert.ok(fs.existsSync(again), writer.log);
});
const writtenAt = () => Date.parse(fs.readFileSync(again, "utf8").match(/"at":"([^"]+)","health"/)?.[1] || fs.statSync(again).mtime);
const openAgain = options => open(`file://${again}`, { at: writtenAt() + 1000, ...options });
// In the middle of it there is no page that could be asked.
const isReadAnew = page => until("it to be read anew", () => page.evaluate(() => !document.old && document.readyState === "complete").catch(() => false));
const isNeutral = async (page, head) => {
  assert.equal(await textOf(page, "#state h2"), head);
  assert.equal(await page.locator("#state").getAttribute("class"), "held");
  assert.doesNotMatch(await page.title() + await page.locator("#said").textContent(), /✖|stopped|does not answer/);
};

await test("a file that is written anew: whoever holds it is not told that its writer has stopped", async () => {
  for (const [why, hold, go] of [
    ["paused", page => page.click("#pause"), page => page.click("#pause")],
    ["a search", page => page.fill("#q", "x"), page => page.press("#q", "Escape")],
    ["a selection", page => page.evaluate(() => getSelection().selectAllChildren(document.querySelector("#h-run"))), page => page.evaluate(() => getSelection().removeAllRanges())]]) {
    const page = await openAgain();
    await page.evaluate(() => { document.old = true; });
    await hold(page);
    await page.clock.runFor(600 * 1000);
    assert.ok(await page.evaluate(() => document.old), `${why}: it is not read anew`);
    await isNeutral(page, "Updates are paused");
    if (why === "paused") await shoot(page, "held", false);
    await go(page);
    await page.clock.runFor(61 * 1000);
    await isReadAnew(page);
    assert.match(await textOf(page, "#state"), /This page is 1\d min old[\s\S]*who writes it has stopped/, `${why}: read anew, it is old indeed`);
    await page.done();
  }
});

await test("a file that is written anew: what was unfolded stays, and the focus", async () => {
  const page = await openAgain({ width: 320 });
  await page.click("#chart summary");
  await page.click("[data-by=day]");
  const more = page.locator("#err .unfold:visible").first();
  await more.click();
  const key = await more.getAttribute("data-key");
  await page.focus("#err .all");
  await page.keyboard.press("Enter");
  const rows = await page.locator("#err tbody tr").count();
  await page.evaluate(() => { document.old = true; });
  await page.clock.runFor(61 * 1000);
  await isReadAnew(page);
  assert.equal(await page.locator("#chart tbody tr").count(), 14);
  assert.ok(await page.locator("#chart tbody").isVisible(), "the chart's table");
  assert.equal(await page.locator("[data-by=day]").getAttribute("aria-pressed"), "true");
  assert.equal(await page.locator("#err tbody tr").count(), rows, "all errors");
  assert.equal(await page.locator(`#err [data-key="${key}"]`).getAttribute("aria-expanded"), "true", "a long reason");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), "all err", "the focus");
  await page.done();
});

await test("what is too long is unfolded by keys, and folded again", async () => {
  const page = await open(files.hostile, { width: 390 });
  const first = page.locator("#err .unfold:visible").first(), text = first.locator("xpath=preceding-sibling::*[1]");
  const tall = () => text.evaluate(node => [node.clientHeight, node.scrollHeight]);
  const [folded, whole] = await tall();
  assert.ok(whole > folded + 10, "it is cut");
  await first.focus();
  await page.keyboard.press("Enter");
  assert.equal(await first.getAttribute("aria-expanded"), "true");
  assert.ok((await tall())[0] >= whole - 2, "all of it is seen");
  assert.equal(await wide(page), 0);
  await shoot(page, "unfolded-390", false);
  await page.keyboard.press("Enter");
  assert.equal((await tall())[0], folded, "and folded again");
  await page.done();
});

await test("what fits has nothing to unfold, also after the window has become wide", async () => {
  const page = await open(files.busy, { width: 320 });
  const count = () => page.locator(".unfold:visible").count();
  assert.ok(await count() > 0, "on a phone");
  await page.setViewportSize({ width: 1600, height: 900 });
  await until("none to be left", async () => await count() === 0);
  await page.done();
});

await test("the last beat is as old as it was judged, whatever the worker's clock says", async () => {
  const page = await open(files.busy, { at: Date.parse(state.at) + 1000 });
  const row = page.locator("#work tr", { hasText: "gamma" });
  assert.match(await row.innerText(), /idle[\s\S]*\d s ago/);
  assert.match(await row.locator("time").getAttribute("title"), /its own clock/);
  await page.done();
});

await test("who wants no motion gets none", async () => {
  const moves = async motion => {
    const page = await open(files.busy, { motion });
    const time = await page.evaluate(() => getComputedStyle(document.querySelector("progress"), "::-webkit-progress-value").transitionDuration);
    await page.done();
    return time;
  };
  assert.equal(await moves("reduce"), "0s");
});

// ---- live ----

const live = `${work}/live`;
takeup("init", live);
async function serve(listen, spool = live) {
  const child = start("serve", "--spool", spool, "--listen", listen);
  const url = await until("the server's line", () => child.log.match(/http:\/\/[0-9.]+:\d+\//)?.[0] || (child.exitCode !== null && `status ${child.exitCode}: ${child.log}`));
  assert.match(url, /^http/, url);
  return { child, url };
}
const drop = name => fs.writeFileSync(`${live}/pending/${name}.json`, JSON.stringify({ input_path: `media/${name}.mp4` }));

let server;
await test("live: the server is up", async () => { server = await serve("127.0.0.1:0"); });
if (server) {
  const page = await open(server.url);
  const state = head => becomes(page, text => document.querySelector("#state h2").textContent.includes(text), head);
  await test("live: red while nothing is alive, green once a worker beats", async () => {
    await state("Nothing is alive");
    start("worker", "--spool", live);
    await state("All is well");
  });
  await test("live: what is dropped is shown, without a reload; a focus stays", async () => {
    await page.focus("#chart summary");
    drop("first-clip"); drop("second-clip");
    await becomes(page, () => /Deferred\s*2/.test(document.querySelector("#sums").innerText));
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY");
  });
  await test("live: the server is asked for a search", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("second");
    await becomes(page, () => document.querySelector("#found-n").textContent.startsWith("1 job"));
    assert.match(await textOf(page, "#found-t"), /second-clip[\s\S]*deferred/);
    await shoot(page, "live");
    await page.keyboard.press("Escape");
  });
  await test("live: it says that the server does not answer, and goes on when it does", async () => {
    await clean(page, server.url);
    server.child.kill("SIGKILL");
    await state("The server does not answer");
    assert.match(await textOf(page, "#state"), /What is below is from/);
    await shoot(page, "lost", false);
    server = await serve(new URL(server.url).host);
    await state("All is well");
  });
  await test("live: while paused it asks nothing", async () => {
    await page.click("#pause");
    await becomes(page, () => document.querySelector("#age").textContent.includes("paused"));
    const before = page.asked.length;
    drop("third-clip");
    await until("the third to be deferred", () => fs.readdirSync(`${live}/deferred`).length === 3);
    await page.waitForTimeout(2500); // longer than it waits between two questions
    assert.equal(page.asked.length, before);
    await page.click("#pause");
    await becomes(page, () => /Deferred\s*3/.test(document.querySelector("#sums").innerText));
  });
  await test("live: while paused it says just that, however long", async () => {
    const other = await open(server.url, { at: Date.now() });
    await becomes(other, () => document.querySelector("#state h2").textContent === "All is well");
    await other.click("#pause");
    await other.clock.runFor(600 * 1000);
    await isNeutral(other, "Updates are paused");
    await shoot(other, "paused", false);
    await other.click("#pause");
    await becomes(other, () => document.querySelector("#state h2").textContent === "All is well");
    await other.done();
  });
  await test("live: a device that slept asks before it judges", async () => {
    const other = await open(server.url, { at: Date.now() });
    await becomes(other, () => document.querySelector("#state h2").textContent === "All is well");
    const questions = [];
    await other.route("**/v1/dashboard", route => { questions.push(route); });
    await other.clock.fastForward(3600 * 1000);
    await becomes(other, () => document.querySelector("#state h2").textContent !== "All is well");
    await isNeutral(other, "Asking the server …");
    await until("the question", () => questions.length > 0);
    await other.unroute("**/v1/dashboard");
    for (const route of questions) await route.continue();
    await becomes(other, () => document.querySelector("#state h2").textContent === "All is well");
    await other.done();
  });
  await test("live: what the server answered is not that it does not answer", async () => {
    const spool = `${work}/goes-away`;
    takeup("init", spool);
    const second = await serve("127.0.0.1:0", spool), other = await open(second.url);
    await becomes(other, () => document.querySelector("#state h2").textContent.includes("Nothing is alive"));
    fs.renameSync(spool, `${spool}.away`);
    await becomes(other, () => document.querySelector("#state h2").textContent === "The server cannot tell how the spool is");
    assert.match(await textOf(other, "#state"), /goes-away[\s\S]*What is below is from[\s\S]*What to do: /);
    assert.doesNotMatch(await textOf(other, "#state"), /see that 'takeup serve' runs/);
    await shoot(other, "cannot-tell", false);
    fs.renameSync(`${spool}.away`, spool);
    await becomes(other, () => document.querySelector("#state h2").textContent.includes("Nothing is alive"));
    await other.done();
    second.child.kill("SIGKILL");
  });
  await test("live: what stands before the server is not the server", async () => {
    const other = await open(server.url);
    await other.route("**/v1/dashboard", route => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }));
    await becomes(other, () => document.querySelector("#state h2").textContent === "The server does not answer");
    assert.match(await textOf(other, "#state"), /answered 502[\s\S]*see that 'takeup serve' runs/);
    await other.done();
  });
  await test("live: the last beat is as old as it was judged", async () => {
    const second = await serve("127.0.0.1:0", `${work}/busy`), other = await open(second.url);
    await becomes(other, () => document.querySelector("#work").textContent.includes("gamma"));
    const text = await other.locator("#work tr", { hasText: "gamma" }).innerText();
    assert.doesNotMatch(text, /3 h/);
    await other.done();
    second.child.kill("SIGKILL");
  });
  await test("live: nothing was asked elsewhere", async () =>
    assert.deepEqual(page.asked.filter(one => !one.startsWith(server.url) && !one.startsWith("data:")), []));
  await page.done();
}
for (const child of started) child.kill("SIGKILL");
await browser.close();
