/* SPDX-License-Identifier: MIT */
/* The gates: how full each is, whether it is open, and the moment in which it opens. */
"use strict";

const GATES_SHOWN = 12;
const RECENT_MS = 60000; // how long a gate counts as busy after something happened to it
const FLASH_MS = 1800;

const gates = {
  busyAt: new Map(), // name: when something last waited or opened
  seen: null, // ids of batches that have been there before
  all: [],

  start() {
    $("gates-more").addEventListener("click", (event) => {
      event.target.dataset.open = event.target.dataset.open === "yes" ? "" : "yes";
      this.draw();
    });
  },

  update(status) {
    const opened = this.openings(status);
    this.loading = status.loading ?? [];
    this.all = status.gates ?? [];
    for (const gate of this.all)
      if (gate.waiting > 0 || opened.has(gate.gate)) this.busyAt.set(gate.gate, Date.now());
    this.draw();
    for (const [name, times] of opened) this.flash(name, times);
  },

  /* Which gates have a batch that wasn't there the last time. */
  openings(status) {
    const opened = new Map();
    const ids = new Set();
    for (const batch of [...(status.loading ?? []), ...(status.batches ?? [])]) {
      if (ids.has(batch.batch_id)) continue;
      ids.add(batch.batch_id);
      if (this.seen && !this.seen.has(batch.batch_id) && batch.gate)
        opened.set(batch.gate, (opened.get(batch.gate) ?? 0) + 1);
    }
    this.seen = ids;
    return opened;
  },

  /* By name; where there are many, those in trouble first, then those in use. */
  sorted(isLong) {
    const rank = (gate) => (!isLong ? Number(gate.gate !== "default") : gate.stalled_reason ? 0 : gate.held ? 1 : Date.now() - (this.busyAt.get(gate.gate) ?? 0) < RECENT_MS ? 2 : 3);
    return this.all.map((gate) => [rank(gate), gate])
      .sort(([a, x], [b, y]) => a - b || (x.gate < y.gate ? -1 : x.gate > y.gate ? 1 : 0))
      .map(([, gate]) => gate);
  },

  draw() {
    const isLong = this.all.length > GATES_SHOWN;
    const shown = shorten($("gates-more"), this.sorted(isLong), GATES_SHOWN, "gates");
    const stalled = this.all.filter((gate) => gate.stalled_reason).length;
    text($("gates-note"), this.all.length === 0 ? "The spool has not been looked at yet."
      : `${many(this.all.length, "gate")}, ${stalled > 0 ? `${count(stalled)} stalled` : "none stalled"}`);
    $("gate-list").classList.toggle("few", this.all.length > 0 && this.all.length < 3);
    list($("gate-list"), shown, (gate) => gate.gate, makeGate, changeGate);
  },

  flash(name, times) {
    const card = $("gate-list").kept?.get(name);
    if (!card || card.classList.contains("stalled")) return; // what is wrong is said all the time
    text(card.parts.opened, times > 1 ? `opened ${count(times)} times` : "opened");
    card.classList.remove("opened");
    void card.offsetWidth; // begin the animation anew
    card.classList.add("opened");
    clearTimeout(card.parts.timer);
    card.parts.timer = setTimeout(() => card.classList.remove("opened"), FLASH_MS);
  },
};

function makeGate() {
  const parts = {
    name: el("h3"), state: el("span.pill"), opened: el("span.opened-word", { "aria-hidden": "true" }),
    waiting: el("strong.figure"), unit: el("span.unit"), oldest: el("span.muted"),
    bars: el("div.bars"), note: el("p.muted.note"), reason: el("p.problem"),
  };
  const card = el("div.card.gate", { role: "listitem" },
    el("div.gate-head", {}, parts.name, parts.opened, parts.state),
    el("p.reading", {}, parts.waiting, parts.unit, parts.oldest), parts.bars, parts.reason, parts.note);
  card.parts = parts;
  return card;
}

function changeGate(card, gate) {
  const { parts } = card;
  const quiet = gate.waiting === 0;
  text(parts.name, gate.gate);
  set(parts.name, "title", gate.gate);
  if (gate.stalled_reason) pill(parts.state, "bad", "stalled");
  else if (gate.held) pill(parts.state, "held", "held by hand");
  else pill(parts.state, quiet ? "quiet" : "good", "open");
  card.classList.toggle("quiet", quiet);
  card.classList.toggle("stalled", Boolean(gate.stalled_reason));
  text(parts.waiting, count(gate.waiting) + (gate.more ? "+" : ""));
  text(parts.unit, gate.waiting === 1 ? "segment waits" : "segments wait");
  when(parts.oldest, gate.oldest_at, gate.oldest_at ? `oldest ${duration(age(gate.oldest_at))}` : "");
  list(parts.bars, bars(gate), (bar) => bar.name, makeBar, changeBar);
  show(parts.reason, Boolean(gate.stalled_reason));
  words(parts.reason, gate.stalled_reason ?? "");
  text(parts.note, notes(gate).join(" · "));
}

/* How far each threshold is reached; those that are off have none. */
function bars(gate) {
  const opens = gate.opens ?? {};
  const oldest = gate.oldest_at ? age(gate.oldest_at) : 0;
  return [
    { name: "count", value: gate.waiting, limit: opens.count, words: `${count(gate.waiting)} / ${count(opens.count)}` },
    { name: "bytes", value: gate.bytes, limit: opens.bytes, words: sizeOf(gate.bytes, opens.bytes ?? 0) },
    { name: "age", value: oldest, limit: opens.age_s, words: `${gate.oldest_at ? duration(oldest) : "0"} / ${limit(opens.age_s ?? 0)}` },
  ].filter((bar) => bar.limit > 0);
}

function makeBar(bar) {
  const fill = el("span.fill");
  const words = el("span.bar-words");
  const row = el("div.bar", {}, el("span.bar-name", {}, bar.name), el("span.track", { "aria-hidden": "true" }, fill), words);
  row.parts = { fill, words };
  return row;
}

function changeBar(row, bar) {
  share(row.parts.fill, bar.value / bar.limit);
  row.parts.fill.classList.toggle("full", bar.value >= bar.limit);
  text(row.parts.words, bar.words);
}

function notes(gate) {
  const said = [];
  const mine = gates.loading.filter((job) => job.gate === gate.gate);
  const inState = (state) => mine.filter((job) => job.state === state).length;
  if (gate.held) said.push(`shut until spoolgate gate release ${gate.gate}`);
  if (!(gate.opens?.count > 0 || gate.opens?.bytes > 0 || gate.opens?.age_s > 0 || gate.opens?.idle_s > 0))
    said.push("opens by hand only");
  if (gate.opens?.idle_s > 0) said.push(`opens after ${limit(gate.opens.idle_s)} of quiet${bars(gate).length > 0 ? ", too" : ""}`);
  if (gate.unsettled > 0) said.push(`${count(gate.unsettled)} being written`);
  if (gate.unclaimable > 0) said.push(`${many(gate.unclaimable, "file", "files")} left alone, spoolgate doctor says why`);
  for (const [state, word] of [["loading", "loading"], ["queued", "queued"], ["held", "held back"]])
    if (inState(state) > 0) said.push(`${many(inState(state), "batch", "batches")} ${word}`);
  return said;
}
