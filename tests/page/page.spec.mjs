/* SPDX-License-Identifier: MIT */
/* The tests of the status page. tests/page/run starts this, and does what it asks for. */
import assert from "node:assert/strict";

import { weakTexts } from "./contrast.mjs";
import { ask, close, open, picture, status } from "./stage.mjs";

const tests = [];
const test = (name, run) => tests.push({ name, run });

let page; // the one that stays open while batches flow

/* Waits for something that the page shows by itself. */
const until = (what, argument, target = page) => target.waitForFunction(what, argument, { polling: 100 });
const textOf = (selector, target = page) => target.locator(selector).first().innerText();
const shot = (name, target = page) => target.screenshot({ path: picture(name), animations: "disabled" });
const overflow = (target) => target.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/* Nothing that a console would show, and nothing that the policy refused. */
async function assertQuiet(target) {
  assert.deepEqual(target.troubles, []);
  assert.deepEqual(await target.evaluate(() => window.violations), []);
}

/* The page with another answer than the daemon's: what `change` makes of it. */
async function pretend(change, options) {
  const truth = await status();
  const other = await open(options);
  await other.route("**/api/status", (route) => route.fulfill({ json: change(structuredClone(truth)) }));
  const answer = other.waitForResponse("**/api/status");
  await other.reload();
  await answer;
  await other.waitForSelector("main:not(.unknown)");
  return other;
}

test("an empty spool teaches the protocol", async () => {
  page = await open();
  await page.evaluate(() => (window.mark = "not reloaded"));
  await until(() => document.getElementById("health").innerText === "ready");
  await until(() => document.querySelector("#batches-empty pre")?.checkVisibility());
  assert.match(await textOf("#batches-empty"), /tmp\/\.a\.msgpack[^]*rename[^]*incoming\/a\.msgpack[^]*spoolgate put --spool/);
  assert.equal(await page.title(), "spoolgate");
  await assertQuiet(page);
  await shot("empty");
});

test("a gate fills towards its thresholds, without a reload", async () => {
  await ask("put", { gate_name: "sensors-north", segments: 250 });
  await until(() => document.getElementById("gate-list").kept.get("sensors-north").innerText.includes("250 / 1,000"));
  const share = await page.evaluate(() => document.querySelector("#gate-list").kept.get("sensors-north").querySelector(".fill").style.width);
  assert.equal(parseFloat(share), 25);
  assert.equal(await page.evaluate(() => window.mark), "not reloaded");
});

test("an opening is seen, and the batch appears with its rows", async () => {
  await page.evaluate(() => {
    window.openings = [];
    new MutationObserver((changes) => changes.forEach(({ target }) =>
      target.classList?.contains("opened") && window.openings.push(target.querySelector("h3").innerText)))
      .observe(document.getElementById("gate-list"), { subtree: true, attributes: true, attributeFilter: ["class"] });
  });
  await ask("put", { gate_name: "orders", segments: 40, frames: 30 });
  await until(() => document.querySelector(".batch .rows")?.innerText === "1,200 rows");
  await until(() => window.openings.includes("orders"));
  await until(() => document.getElementById("batches-note").innerText.includes("1 since the start, 0 failed, 1,200 rows"));
  await until(() => document.querySelector("#throughput .figure").innerText !== "–");
  assert.equal(await page.evaluate(() => window.mark), "not reloaded");
});

test("the stages of a batch sum up, in the page as in the API", async () => {
  const batch = (await status()).batches[0];
  const inTime = [...batch.stages].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  assert.deepEqual(batch.stages.map((stage) => stage.stage), ["wait", "claim", "prepare", "queue", "open", "load", "commit", "retire"]
    .filter((name) => batch.stages.some((stage) => stage.stage === name)));
  assert.ok(["wait", "claim", "prepare", "load", "commit", "retire"].every((name) => batch.stages.some((stage) => stage.stage === name)));
  assert.deepEqual([inTime[0].stage, inTime.at(-1).stage], ["wait", "retire"]);
  const whole = (Date.parse(inTime.at(-1).at) - Date.parse(inTime[0].at)) / 1000 + inTime.at(-1).seconds;
  const summed = batch.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  assert.ok(summed <= whole + 0.005, `one batch alone has no overlap: want ${summed} <= ${whole}`);

  await page.locator(".batch-row").first().focus();
  await page.keyboard.press("Enter");
  await until(() => document.querySelector(".batch .facts")?.innerText.includes("metrics"));
  const shown = await page.locator(".batch").first().locator("[data-stage]").evaluateAll((rows) =>
    rows.map((row) => ({ stage: row.dataset.stage, seconds: Number(row.dataset.seconds) })));
  assert.deepEqual(shown, inTime.map(({ stage, seconds }) => ({ stage, seconds })));
  const said = await textOf(".batch .facts");
  assert.match(said, /Opened by\s+.*40[^]*Segments\s+40[^]*1,200 loaded, 0 rejected[^]*Tables\s+metrics 1,200/);
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(".batch .details").first().isVisible(), false);
});

test("rejects show their reasons, and markup in names stays text", async () => {
  const name = await ask("put_hostile");
  await ask("put_rejects");
  await ask("put_damaged");
  await until((encoded) => document.getElementById("rejects").innerText.includes(encoded), name.replaceAll(" ", "%20"));
  await until(() => document.getElementById("rejects").innerText.includes("legacy-"));
  const words = await textOf("#rejects");
  assert.match(words, /<script>window\.hit=1<\/script>|%3Cscript/);
  assert.match(words, /ts: .*millisecond/);
  assert.match(words, /spoolgate retry BATCH --only-rejects/);
  assert.equal(await page.locator("img, #rejects script").count(), 0);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  await until(() => document.getElementById("batch-list").innerText.includes("failed"));
  await assertQuiet(page);
});

test("deliveries: one sink is well, the other says why not", async () => {
  await until(() => /ops\s+ok/.test(document.getElementById("deliveries").innerText));
  await until(() => /search-index\s+(failing|paused)/.test(document.getElementById("deliveries").innerText));
  assert.match(await textOf("#deliveries"), /Failed \d+ times? in a row.*502/);
});

test("documents become complete, partitions are ahead", async () => {
  await ask("index");
  await until(() => /Documents[^]*complete/.test(document.getElementById("knowledge").innerText));
  await until(() => /events[^]*ahead/.test(document.getElementById("partitions").innerText));
});

test("with traffic, everything moves", async () => {
  await ask("start_traffic");
  const first = await textOf("#batches-note");
  await until((before) => document.getElementById("batches-note").innerText !== before, first);
  await until(() => document.querySelectorAll(".batch").length >= 14);
  await until(() => plots.samples() > 10 && plots.history.rows.some((rows) => rows > 0));
  assert.ok(await page.locator("#throughput path.line").count() === 2 && await page.locator("#backlog path.line").count() === 2);
  assert.equal(await page.evaluate(() => window.mark), "not reloaded");
  await shot("busy");
  const dark = await open({ colorScheme: "dark" });
  await shot("busy-dark", dark);
  await dark.close();
});

test("a chart is read out with the keyboard", async () => {
  const plot = page.locator("#throughput .plot").first();
  await plot.focus();
  const now = await plot.getAttribute("aria-valuetext");
  assert.match(now, /^now [\d.,]+ rows\/s, highest/);
  await page.keyboard.press("Home");
  assert.match(await plot.getAttribute("aria-valuetext"), /^\d.*: [\d.,]+ rows\/s/);
  assert.equal(await plot.getAttribute("aria-valuenow"), "0");
  await page.keyboard.press("ArrowRight");
  assert.equal(await plot.getAttribute("aria-valuenow"), "1");
  await page.keyboard.press("Escape");
  assert.match(await plot.getAttribute("aria-valuetext"), /^now/);
});

test("the table has the same batches, with a number for each stage", async () => {
  await page.locator("#as-table").click();
  const heads = await page.locator("#table th").allInnerTexts();
  assert.deepEqual(heads.slice(8, 16), ["wait", "claim", "prepare", "queue", "open", "load", "commit", "retire"]);
  assert.ok(await page.locator("#table tbody tr").count() >= 14);
  await page.locator("#as-timeline").click();
  assert.equal(await page.locator("#table").isVisible(), false);
});

test("paused, it stands still; older batches come from the receipts", async () => {
  const still = await open(); // that a failure leaves the other going
  await until(() => batches.known.size > 20, null, still);
  await still.locator("#pause").click();
  assert.equal(await textOf("#health", still), "paused");
  const before = await still.locator(".batch").count();
  await still.evaluate(() => { // as if this process had settled these few alone
    const ids = [...batches.known.keys()].sort().reverse();
    for (const id of ids.slice(14)) batches.known.delete(id);
  });
  await Promise.all([still.waitForRequest(/api\/receipts\?limit=50&before=/), still.locator("#batches-more").click()]);
  await until((count) => document.querySelectorAll(".batch").length > count, before, still);
  const ids = await still.locator(".details").evaluateAll((all) => all.map((node) => node.id));
  assert.equal(new Set(ids).size, ids.length, "each batch once");
  await still.locator("#pause").click();
  await until(() => document.getElementById("health").innerText === "ready", null, still);
  await still.close();
});

test("the keyboard reaches everything, and shows where it is", async () => {
  const walker = await open();
  await walker.locator("#pause").click(); // what one walks through stays as it is
  await walker.evaluate(() => document.activeElement.blur());
  const wanted = await walker.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input, [tabindex='0']")].filter((node) => node.checkVisibility());
    all.forEach((node, i) => (node.dataset.walk = i));
    return all.length;
  });
  const reached = new Set();
  for (let i = 0; i < wanted * 2 && reached.size < wanted; i++) {
    await walker.keyboard.press("Tab");
    const at = await walker.evaluate(() => {
      const node = document.activeElement;
      return { walk: node.dataset.walk, name: node.outerHTML.slice(0, 80), outline: getComputedStyle(node).outlineStyle, seen: node.getBoundingClientRect().bottom > 0 };
    });
    if (at.walk === undefined) continue;
    reached.add(at.walk);
    assert.ok(at.outline !== "none" && at.seen, `the focus is to be seen: ${at.name}`);
  }
  assert.equal(reached.size, wanted);
  await walker.close();
});

test("light and dark differ, and all text has contrast in both", async () => {
  const grounds = [];
  for (const colorScheme of ["light", "dark"]) {
    const view = await open({ colorScheme });
    await view.locator(".batch-row").nth(1).click();
    assert.deepEqual(await view.evaluate(weakTexts), [], colorScheme);
    grounds.push(await view.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await view.close();
  }
  assert.notEqual(grounds[0], grounds[1]);
});

test("a phone of 360 px needs no sideways scrolling", async () => {
  const phone = await open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 });
  await phone.waitForTimeout(100);
  assert.ok(await overflow(phone) <= 0);
  await shot("phone", phone);
  await phone.locator("#pause").click();
  await phone.locator(".batch-row").nth(1).click();
  assert.ok(await overflow(phone) <= 0, "with details");
  await phone.locator("#as-table").click();
  assert.ok(await overflow(phone) <= 0, "as a table");
  await phone.close();
});

test("no motion where none is wanted", async () => {
  const calm = await open({ reducedMotion: "reduce" });
  const moving = await calm.evaluate(() => {
    document.querySelector(".gate").classList.add("opened");
    return document.getAnimations().length;
  });
  assert.equal(moving, 0);
  await calm.close();
});

const nothing = { gates: [], loading: [], batches: [], recent: null, sinks: null, dead_letters: null, knowledge: null, rejects: null, partitions: null, history: null };
const gatesOf = (n) => (truth) => ({ ...truth, gates: Array.from({ length: n }, (_, i) => ({ ...truth.gates[i % truth.gates.length], gate: `gate-${i}`.padEnd(60, "x") })) });
for (const [name, change, expected] of [
  ["nothing known at all", (truth) => ({ ...truth, ...nothing, facts: { asked_at: null, error: "connection refused" } }), /Not known until the database answers/],
  ["200 gates with long names", gatesOf(200), /Show all 200 gates/],
  ["no gate yet", (truth) => ({ ...truth, gates: [] }), /has not been looked at yet/],
  ["no knowledge base, no sink", (truth) => ({ ...truth, knowledge: null, sinks: [], dead_letters: 0 }), /Nobody listens/],
]) {
  test(`works with ${name}`, async () => {
    for (const options of [{}, { viewport: { width: 360, height: 740 } }]) {
      const other = await pretend(change, options);
      assert.match(await other.locator("body").innerText(), expected);
      assert.ok(await overflow(other) <= 0);
      await assertQuiet(other);
      await other.close();
    }
  });
}

test("a stalled gate says why, on the page and in the tab", async () => {
  await ask("take_table");
  await until(() => document.querySelector(".gate.stalled .problem")?.innerText.includes("events"));
  await until(() => document.getElementById("health").innerText === "not ready");
  assert.match(await textOf("#notices"), /Not ready[^]*stalled[^]*events/);
  assert.match(await page.title(), /not ready/);
  await until(() => document.getElementById("announce").innerText !== "");
  assert.deepEqual(await page.evaluate(weakTexts), []);
  await shot("stalled");
  await ask("give_table");
  await until(() => document.getElementById("health").innerText === "ready");
  assert.equal(await page.locator(".gate.stalled").count(), 0);
  await page.evaluate(() => document.getElementById("rejects").scrollIntoView());
  await shot("rejects");
});

test("a database that is down is told of, and when it is back", async () => {
  await ask("stop_traffic");
  await ask("stop_database");
  await until(() => /database/i.test(document.getElementById("notices").innerText));
  await ask("start_database");
  await until(() => document.getElementById("notices").innerText === "");
  await until(() => document.getElementById("health").innerText === "ready");
});

test("nothing of all this troubled the console or the policy", async () => {
  await assertQuiet(page);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hit = 2";
    document.body.append(script);
  });
  assert.equal(await page.evaluate(() => window.hit), undefined, "a script of somebody else's doesn't run");
});

test("when the daemon ends, the page says how old it is; when it is back, it goes on", async () => {
  await ask("stop_daemon");
  await until(() => document.getElementById("health").innerText === "no connection");
  assert.match(await textOf("#notices"), /No connection to the daemon[^]*What is shown is [\d.]+ s old/);
  assert.ok(await page.evaluate(() => document.body.classList.contains("lost")));
  assert.deepEqual(await page.evaluate(() => page.notices().map((notice) => notice.key)), ["lost"]);
  await ask("start_daemon");
  await until(() => document.getElementById("health").innerText === "ready");
  assert.ok(await page.locator(".batch").count() > 0, "what was there before the restart");
  assert.equal(await page.evaluate(() => window.mark), "not reloaded");
});

/* ---- one after the other: each leaves the daemon as the next wants it ---- */

let passed = 0;
let failed = 0;
for (const { name, run } of tests.filter(({ name }) => name.includes(process.env.PAGE_ONLY ?? ""))) {
  const start = Date.now();
  try {
    page ??= await open();
    await run();
    passed++;
    console.error(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.error(`FAILED  ${name}\n${error.stack.replace(/^/gm, "        ")}`);
    if (page) await shot(`failed-${failed}`).catch(() => {});
  }
}
await close();
console.error(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
