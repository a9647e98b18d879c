/* SPDX-License-Identifier: MIT */
/*
 * What the tests and the pictures share: the browser, and the program around it (tests/page/run).
 *
 *     await ask("put", { gate_name: "orders", segments: 5 });
 *     const page = await open({ colorScheme: "dark" });   // page.troubles: what a console would show
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(`${process.env.PAGE_MODULES}/`)("playwright-core");

const PATIENCE_MS = Number(process.env.PAGE_PATIENCE_MS ?? 60000); // how late a failure is noticed, no more

export const url = process.env.PAGE_URL;
export const picture = (name) => `${process.env.PAGE_PICTURES}/${name}.png`;

/* ---- the program around ---- */

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function ask(what, how = {}) {
  process.stdout.write(`${JSON.stringify({ ask: what, with: how })}\n`);
  const { value } = await answers.next();
  const answer = JSON.parse(value ?? '{"error": "the runner is gone"}');
  if (answer.error) throw new Error(`${what}: ${answer.error}`);
  return answer.answer;
}

export async function status() {
  return (await fetch(`${url}api/status`)).json();
}

/* ---- the browser ---- */

let browser;

export async function open(options = {}) {
  browser ??= await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light", ...options });
  page.troubles = [];
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.troubles.push(message.text()));
  page.on("pageerror", (error) => page.troubles.push(String(error)));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
  });
  await page.goto(url);
  await page.waitForSelector("main:not(.unknown)");
  return page;
}

/* Also of the line to the runner: it would keep Node waiting. */
export async function close() {
  await browser?.close();
  process.stdin.destroy();
}
