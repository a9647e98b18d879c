/* SPDX-License-Identifier: MIT */
"use strict";

async function refresh() {
  const answer = await fetch("api/status", { cache: "no-store" });
  document.querySelector("pre").textContent = JSON.stringify(await answer.json(), null, 2);
}

setInterval(refresh, 2000);
refresh();
