/* SPDX-License-Identifier: MIT */
/* What the database knows: rejects, deliveries, the knowledge base, partitions. */
"use strict";

const REJECTS_SHOWN = 6;
const DAY_S = 86400;

const facts = {
  start() {
    $("rejects-more").addEventListener("click", (event) => {
      event.target.dataset.open = event.target.dataset.open === "yes" ? "" : "yes";
      this.update(this.status);
    });
  },

  update(status) {
    const isKnown = Boolean(status.facts?.asked_at);
    this.status = status;
    drawRejects(status.rejects ?? [], isKnown);
    drawSinks(status.sinks ?? [], status.dead_letters, isKnown);
    drawKnowledge(status.knowledge);
    drawPartitions(status.partitions ?? []);
  },
};

const NOT_KNOWN = "Not known until the database answers.";

/* An item of a list: a first line, what there is to say about it, and what is wrong. */
function makeItem() {
  const parts = { name: el("span.item-name"), state: el("span.pill"), meta: el("p.muted.note"), problem: el("p.problem") };
  const item = el("li.item", {}, el("div.item-head", {}, parts.name, parts.state), parts.meta, parts.problem);
  item.parts = parts;
  return item;
}

function changeItem(item, name, meta, problem) {
  text(item.parts.name, name);
  text(item.parts.meta, meta.filter(Boolean).join(" · "));
  show(item.parts.meta, meta.some(Boolean));
  words(item.parts.problem, problem ?? "");
  show(item.parts.problem, Boolean(problem));
}

/* ---- rejects ---- */

function drawRejects(rejects, isKnown) {
  const shown = shorten($("rejects-more"), rejects, REJECTS_SHOWN, "rejects");
  text($("rejects-note"), rejects.length > 0 ? `${rejects.length >= 50 ? "the newest 50" : count(rejects.length)} of the last day` : "");
  show($("rejects-empty"), rejects.length === 0);
  text($("rejects-empty"), isKnown ? "None in the last day." : NOT_KNOWN);
  show($("reject-hint"), rejects.length > 0);
  words($("reject-hint"), "Their bytes are kept in `failed/`. Once the cause is mended: `spoolgate retry BATCH --only-rejects`");
  list($("reject-list"), shown, (r) => `${r.batch_id}/${r.frame_index}/${r.segment}`, makeReject, changeReject);
}

function makeReject() {
  const parts = { reason: el("p.reason"), segment: el("code"), frame: el("span"), when: el("span") };
  const item = el("li.item.reject", {}, parts.reason,
    el("p.muted.note", {}, parts.segment, parts.frame, " · ", parts.when));
  item.parts = parts;
  return item;
}

function changeReject(item, r) {
  const { parts } = item;
  text(parts.reason, r.column_name ? `${r.column_name}: ${r.reason}` : r.reason);
  text(parts.segment, r.segment);
  text(parts.frame, ` frame ${count(r.frame_index)} · ${r.gate}${r.sqlstate ? ` · SQLSTATE ${r.sqlstate}` : ""} · ${r.batch_tag}`);
  when(parts.when, r.rejected_at);
}

/* ---- deliveries ---- */

function drawSinks(sinks, dead, isKnown) {
  const waiting = sum(sinks.map((s) => s.waiting));
  text($("deliveries-note"), sinks.length > 0 ? `${many(sinks.length, "sink")}, ${many(waiting, "event")} waiting` : "");
  show($("dead"), dead > 0);
  words($("dead"), `${many(dead, "dead letter")}: see \`spoolgate dlq list\`, and send again with \`spoolgate dlq redrive\``);
  list($("sink-list"), sinks, (s) => s.sink, makeItem, changeSink);
  show($("deliveries-empty"), sinks.length === 0);
  words($("deliveries-empty"), isKnown ? "Nobody listens. A sink in `manifests/sinks/NAME.yaml` is told of every batch by a signed webhook." : NOT_KNOWN);
}

const SINK_LEVELS = { ok: "good", failing: "bad", paused: "warn", disabled: "bad", undeclared: "warn" };

function changeSink(item, s) {
  pill(item.parts.state, SINK_LEVELS[s.state] ?? "warn", s.state);
  changeItem(item, s.sink, [
    s.waiting > 0 ? `${many(s.waiting, "event")} waiting, the oldest ${duration(age(s.oldest_waiting))}` : "nothing waits",
    s.dead_letters > 0 && many(s.dead_letters, "dead letter"),
    s.last_success_at ? `delivered ${ago(s.last_success_at)}` : "none delivered yet",
    s.target,
  ], sinkTrouble(s));
}

function sinkTrouble(s) {
  if (s.state === "undeclared") return s.waiting > 0 ? "No manifest declares it: what waits, waits for one that does." : null;
  if (s.state === "disabled") return `${s.error === "disabled by hand" ? "Disabled by hand" : "It answered 410"}, ${ago(s.disabled_at)}. On again: \`spoolgate sink enable ${s.sink}\``;
  if (s.failures > 0) {
    const again = s.not_before && Date.parse(s.not_before) > clock.now() ? `, tried again in ${duration(-(clock.now() - Date.parse(s.not_before)) / 1000)}` : "";
    return `Failed ${many(s.failures, "time")} in a row${again}: ${s.error ?? "no reason given"}`;
  }
  if (s.state === "failing") return `Nothing can be sent: ${s.error ?? ""} Once mended: \`spoolgate sink enable ${s.sink}\``;
  if (s.state === "paused") return `It asked to be left alone until ${absolute(s.not_before)}`;
  return null;
}

/* ---- knowledge base ---- */

function drawKnowledge(k) {
  show($("knowledge"), Boolean(k));
  if (!k) return;
  const d = k.documents;
  const c = k.chunks;
  const w = k.waiting_chunks;
  const waiting = w.pending + w.processing;
  text($("knowledge-note"), k.embedding?.model ?? "");
  list($("knowledge-bars"), [
    { name: "Documents", all: sum([d.complete, d.partial, d.pending]), parts: [["good", d.complete, "complete"], ["warn", d.partial, "partial"], ["quiet", d.pending, "pending"]],
      more: [d.waiting > 0 && `${many(d.waiting, "revision")} waiting`, d.retired > 0 && `${count(d.retired)} retired`, k.awaiting_text > 0 && `${many(k.awaiting_text, "asset")} without a text`] },
    { name: "Chunks", all: sum([c.complete, c.failed, c.pending]), parts: [["good", c.complete, "complete"], ["bad", c.failed, "failed"], ["quiet", c.pending, "pending"]],
      more: [k.recent?.chunks > 0 && `${count(k.recent.chunks)} in the last ${limit(k.recent.seconds)}`] },
    { name: "Being made", all: sum([w.complete, w.failed, waiting]), parts: [["good", w.complete, "have a vector"], ["bad", w.failed, "failed"], ["quiet", waiting, "wait"]],
      more: [waiting > 0 && w.oldest_at && `the oldest for ${duration(age(w.oldest_at))}`, w.processing > 0 && `${count(w.processing)} in hand`] },
  ].filter((bar) => bar.all > 0 || bar.name !== "Being made"), (bar) => bar.name, makeProgress, changeProgress);
  list($("embedder-list"), k.embedders ?? [], (e) => e.embedder, makeItem, changeEmbedder);
}

function makeProgress(bar) {
  const parts = { all: el("span.number"), track: el("div.track.stacked", { "aria-hidden": "true" }), words: el("p.muted.note") };
  const node = el("div.progress", {}, el("p.progress-head", {}, el("span", {}, bar.name), parts.all), parts.track, parts.words);
  for (const [level] of bar.parts) parts.track.append(el(`span.fill.${level}`));
  node.parts = parts;
  return node;
}

function changeProgress(node, bar) {
  text(node.parts.all, count(bar.all));
  bar.parts.forEach(([, n], i) => {
    show(node.parts.track.children[i], n > 0);
    share(node.parts.track.children[i], bar.all > 0 ? n / bar.all : 0);
  });
  text(node.parts.words, [...bar.parts.filter(([, n]) => n > 0).map(([, n, word]) => `${count(n)} ${word}`), ...bar.more.filter(Boolean)].join(" · ") || "none yet");
}

const EMBEDDER_LEVELS = { ok: "good", failing: "bad", paused: "warn", stopped: "bad", unfit: "bad" };

function changeEmbedder(item, e) {
  pill(item.parts.state, EMBEDDER_LEVELS[e.state] ?? "warn", e.state);
  changeItem(item, e.embedder, [`${many(e.chunks, "vector")} in ${many(e.requests, "request")}`, e.last_success_at && `last ${ago(e.last_success_at)}`],
    e.state === "ok" ? null : e.state === "stopped" ? `${e.error ?? ""} Once mended: \`spoolgate embed --resume\`` : e.error);
}

/* ---- partitions ---- */

function drawPartitions(partitions) {
  show($("partitions"), partitions.length > 0);
  list($("partition-list"), partitions, (p) => `${p.stream}/${p.table}`, makeItem, (item, p) => {
    const ahead = p.ahead_until ? (Date.parse(p.ahead_until) - clock.now()) / 1000 : 0;
    const isWanted = p.ahead > 0; // else each batch makes those that it needs
    pill(item.parts.state, !isWanted ? "quiet" : ahead < DAY_S / 4 ? "warn" : "good",
      ahead > 0 ? `${duration(ahead)} ahead` : isWanted ? "none for now" : "made as needed");
    set(item.parts.state, "title", absolute(p.ahead_until));
    changeItem(item, p.table, [many(p.count, "partition"), p.first_at && `from ${p.first_at.slice(0, 10)}`, p.ahead_until && `to ${p.ahead_until.slice(0, 10)}`],
      ahead > 0 || !isWanted ? null : "A frame of now has none yet; it is made with the batch. `spoolgate maintain` makes those ahead");
  });
}
