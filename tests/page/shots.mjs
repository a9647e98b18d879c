/* SPDX-License-Identifier: MIT */
/* The pictures of the README: each state of the page, after a few minutes of traffic. */
import { ask, close, open, picture } from "./stage.mjs";

const TRAFFIC_MS = Number(process.env.PAGE_TRAFFIC_MS ?? 240000);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const shot = (page, name) => page.screenshot({ path: picture(`status-${name}`), animations: "disabled" });

try {
  const page = await open();
  await page.waitForTimeout(4000);
  await shot(page, "empty");

  await ask("index");
  await ask("start_traffic");
  await page.waitForTimeout(TRAFFIC_MS);
  await shot(page, "busy");
  const dark = await open({ colorScheme: "dark" });
  const phone = await open({ viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 });
  await pause(5000);
  await shot(dark, "busy-dark");
  await shot(phone, "phone");

  await page.locator("#rejects").scrollIntoViewIfNeeded();
  await page.evaluate(() => document.getElementById("rejects").scrollIntoView());
  await shot(page, "rejects");
  await page.evaluate(() => window.scrollTo(0, 0));

  await ask("take_table");
  await page.waitForSelector('.notice[data-level="bad"]');
  await page.waitForSelector(".gate.stalled");
  await page.waitForTimeout(TRAFFIC_MS / 8);
  await shot(page, "stalled");
  await ask("stop_traffic");
  await ask("give_table");
} finally {
  await close();
}
