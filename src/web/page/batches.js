/* SPDX-License-Identifier: MIT */
/*
 * Batches: in hand, settled by this process, and older ones from their receipts. A timeline to one
 * scale, each row of which opens to its details; and the same as a table of numbers.
 */
"use strict";

const STAGES = {
  wait: "the oldest segment's arrival to the claim",
  claim: "renames into processing/, synced",
  prepare: "read, decompress, decode, judge, encode",
  queue: "until a loader had time",
  open: "receipt and partitions",
  load: "ledger, COPY and rejects",
  commit: "COMMIT",
  retire: "renames into archive/ and failed/",
};
const STAGE_NAMES = Object.keys(STAGES);
const BATCHES_AT_FIRST = 14;
const BATCHES_MORE = 30;
const SCALE_TICKS = 4;

const batches = {
  known: new Map(), // id: the batch in one form, whatever it came from
  shown: BATCHES_AT_FIRST,
  inHand: [],
  receipts: new Map(), // id: receipt, asked for when details are opened
  withWait: false,
  asTable: false,
  isOver: false, // there are no older receipts

  start() {
    list($("legend"), STAGE_NAMES, (s) => s, (s) => el("li", { title: STAGES[s] }, el(`span.swatch.stage-${s}`), s), () => {});
    $("with-wait").addEventListener("change", (event) => {
      this.withWait = event.target.checked;
      this.draw();
    });
    $("as-timeline").addEventListener("click", () => this.choose(false));
    $("as-table").addEventListener("click", () => this.choose(true));
    $("batches-more").addEventListener("click", () => this.more());
    this.table = batchTable();
    $("table").append(this.table);
  },

  choose(asTable) {
    this.asTable = asTable;
    set($("as-table"), "aria-pressed", String(asTable));
    set($("as-timeline"), "aria-pressed", String(!asTable));
    this.draw();
  },

  update(status) {
    for (const receipt of status.recent ?? []) this.learn(fromReceipt(receipt));
    for (const batch of status.batches ?? []) this.learn(fromTrail(batch));
    const settled = new Set((status.batches ?? []).map((batch) => batch.batch_id));
    this.inHand = (status.loading ?? []).filter((job) => !settled.has(job.batch_id)).map(fromJob);
    this.totals = status.totals;
    this.spool = status.spool;
    this.isKnown = Boolean(status.facts?.asked_at);
    this.draw();
  },

  /* What has stages says more than a receipt. */
  learn(batch) {
    if (batch.stages || !this.known.get(batch.id)?.stages) this.known.set(batch.id, batch);
  },

  /* Ids are in the order of the claims. */
  visible() {
    const inHand = new Set(this.inHand.map((batch) => batch.id));
    const settled = [...this.known.values()].filter((batch) => !inHand.has(batch.id)).sort((a, b) => (a.id < b.id ? 1 : -1));
    for (const batch of settled.splice(this.shown + BATCHES_MORE)) {
      this.known.delete(batch.id);
      this.isOver = false;
    }
    this.count = settled.length;
    return [...this.inHand, ...settled.slice(0, this.shown)];
  },

  draw() {
    const all = this.visible();
    const isEmpty = all.length === 0;
    show($("batches-empty"), isEmpty && this.isKnown);
    show($("batches-unknown"), isEmpty && !this.isKnown);
    text($("batches-unknown"), "None since the start; of those before, nothing is known until the database answers.");
    if (isEmpty) teach($("batches-empty"), this.spool);
    show($("timeline"), !isEmpty && !this.asTable);
    show($("table"), !isEmpty && this.asTable);
    show($("batches-more"), !isEmpty && !(this.isOver && this.count <= this.shown));
    text($("batches-more"), "Older batches");
    if (this.totals)
      text($("batches-note"), `${count(this.totals.batches)} since the start, ${count(this.totals.batches_failed)} failed, ${many(this.totals.frames_loaded, "row")}`);
    this.scale = scaleOf(all, this.withWait);
    drawScale($("scale").firstElementChild, this.scale);
    $("legend").classList.toggle("without-wait", !this.withWait);
    if (this.asTable) list(this.table.tBodies[0], all, (b) => b.id, makeTableRow, changeTableRow);
    else list($("batch-list"), all, (b) => b.id, makeBatch, changeBatch);
  },

  async more() {
    const before = [...this.known.keys()].sort()[0];
    this.shown += BATCHES_MORE;
    text($("batches-problem"), "");
    try {
      if (this.count < this.shown && !this.isOver) {
        const older = await receiptsOf({ limit: 50, before });
        this.isOver = older.length < 50;
        for (const receipt of older) this.learn(fromReceipt(receipt));
      }
    } catch (error) {
      this.shown -= BATCHES_MORE;
      text($("batches-problem"), `Older batches can't be had: ${error.message}`);
    }
    show($("batches-problem"), $("batches-problem").textContent !== "");
    this.draw();
  },

  /* The receipt knows the tables and why the gate opened. */
  async ask(batch) {
    if (batch.receipt || this.receipts.has(batch.id)) return;
    this.receipts.set(batch.id, null);
    try {
      for (const receipt of await receiptsOf({ limit: 50, gate: batch.gate })) this.receipts.set(receipt.batch_id, receipt);
    } catch {
      this.receipts.delete(batch.id); // the next time it is opened
    }
    this.draw();
  },
};

async function receiptsOf(question) {
  const asked = Object.entries(question).filter(([, value]) => value !== undefined);
  const answer = await fetch(`api/receipts?${new URLSearchParams(asked)}`, { cache: "no-store" });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
  return (await answer.json()).receipts;
}

/* ---- one form for what comes from three places ---- */

function fromJob(job) {
  return { id: job.batch_id, tag: job.batch_id, gate: job.gate ?? "", status: job.state, at: job.since, error: job.error, failures: job.failures };
}

function fromTrail(b) {
  return {
    id: b.batch_id, tag: b.batch_tag, gate: b.gate, status: b.status, error: b.error, at: b.settled_at,
    segments: b.segments, segmentsFailed: b.segments_failed, rows: b.rows, rejected: b.rejected, skipped: b.skipped,
    bytes: b.bytes, raw: b.bytes_raw, stages: inTime(b.stages),
  };
}

function fromReceipt(r) {
  return {
    id: r.batch_id, tag: r.batch_tag, gate: r.gate, status: r.status, error: r.error, at: r.finished_at ?? r.opened_at,
    segments: r.file_count, segmentsFailed: r.segments_failed, rows: r.rows_loaded, rejected: r.frames_rejected,
    skipped: r.frames_skipped, bytes: r.bytes_total, raw: r.bytes_raw, receipt: r,
    took: r.finished_at ? (Date.parse(r.finished_at) - Date.parse(r.opened_at)) / 1000 : null,
  };
}

function inTime(stages) {
  return (stages ?? []).map((stage) => ({ ...stage, from: Date.parse(stage.at) / 1000 })).sort((a, b) => a.from - b.from);
}

/* Of the stages that are to be seen: when the first began, and when the last ended. */
function extent(batch, withWait) {
  const stages = (batch.stages ?? []).filter((stage) => withWait || stage.stage !== "wait");
  if (stages.length === 0) return null;
  const from = Math.min(...stages.map((stage) => stage.from));
  const to = Math.max(...stages.map((stage) => stage.from + stage.seconds));
  return { from, seconds: to - from, stages };
}

function took(batch, withWait) {
  return extent(batch, withWait)?.seconds ?? batch.took ?? null;
}

function state(batch) {
  if (batch.status === "failed") return ["bad", "failed"];
  if (batch.status === "held") return ["bad", "held"];
  if (batch.status === "done" && (batch.rejected > 0 || batch.segmentsFailed > 0)) return ["warn", "done, not all"];
  if (batch.status === "done") return ["good", "done"];
  return ["busy", batch.status];
}

/* ---- the timeline ---- */

/* One outlier shouldn't make all others dots: what is much longer than the eighth of ten is cut. */
function scaleOf(all, withWait) {
  const lengths = all.map((batch) => took(batch, withWait)).filter((s) => s !== null).sort((a, b) => a - b);
  if (lengths.length === 0) return 1;
  const most = Math.max(0.001, Math.min(lengths.at(-1), 1.5 * lengths[Math.floor((lengths.length - 1) * 0.8)]));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10].map((f) => f * power).find((v) => v >= most * 0.999);
}

function drawScale(node, scale) {
  const ticks = Array.from({ length: SCALE_TICKS + 1 }, (_, i) => (scale * i) / SCALE_TICKS);
  list(node, ticks.map((s, i) => ({ s, i })), (t) => t.i, () => el("span"), (tick, t) => text(tick, t.i === 0 ? "0" : limit(t.s)));
}

function makeBatch(batch) {
  const id = `details-${batch.id}`;
  const parts = {
    state: el("span.state"), when: el("span.when.muted"), gate: el("span.gate-name"), tag: el("span.tag.muted"),
    bar: el("span.stages", { "aria-hidden": "true" }), rows: el("span.rows"), rejected: el("span.rejected"), took: el("span.took"),
    details: el("div.details", { id, hidden: true }),
  };
  parts.button = el("button.batch-row", { type: "button", "aria-expanded": "false", "aria-controls": id },
    parts.state, parts.when, el("span.who", {}, parts.gate, parts.tag), parts.bar, parts.rows, parts.rejected, parts.took);
  parts.button.addEventListener("click", () => {
    const open = parts.button.getAttribute("aria-expanded") !== "true";
    set(parts.button, "aria-expanded", String(open));
    show(parts.details, open);
    row.drawnDetails = null;
    if (open && row.batch.rows !== undefined) batches.ask(row.batch);
    changeBatch(row, row.batch);
  });
  const row = el("li.batch", {}, parts.button, parts.details);
  row.parts = parts;
  return row;
}

function changeBatch(row, batch) {
  const { parts } = row;
  const [level, word] = state(batch);
  const isSettled = batch.rows !== undefined;
  const seconds = took(batch, batches.withWait);
  row.batch = batch;
  pill(parts.state, level, word);
  when(parts.when, batch.at);
  text(parts.gate, batch.gate || "a batch left behind");
  text(parts.tag, batch.tag.slice(-4));
  set(parts.tag, "title", batch.tag);
  text(parts.rows, isSettled ? many(batch.rows, "row") : "");
  text(parts.rejected, !isSettled ? "" : batch.segmentsFailed > 0 ? `${count(batch.segmentsFailed)} segm. failed`
    : batch.rejected > 0 ? `${count(batch.rejected)} rejected` : "");
  text(parts.took, isSettled && seconds !== null ? duration(seconds) : "");
  drawStages(parts.bar, batch);
  if (!parts.details.hidden) drawDetails(row, batch);
}

function drawStages(bar, batch) {
  const range = extent(batch, batches.withWait);
  const { scale } = batches;
  if (batch.rows === undefined) {
    bar.classList.add("words");
    text(bar, batch.error ? batch.error : batch.at ? `${batch.status} for ${duration(age(batch.at))}` : batch.status);
    return;
  }
  const drawn = JSON.stringify([range?.from, range?.seconds, batch.took, scale]);
  if (bar.drawn === drawn) return;
  bar.drawn = drawn;
  bar.classList.remove("words");
  const pieces = range ? range.stages.map((stage) => [stage.stage, stage.from - range.from, stage.seconds]) : [["unknown", 0, batch.took ?? 0]];
  bar.replaceChildren(...pieces.map(([stage, from, seconds]) => {
    const piece = el(`span.piece.stage-${STAGES[stage] ? stage : "unknown"}`, { title: `${stage} ${duration(seconds)}` });
    piece.style.left = `${(100 * from) / scale}%`;
    piece.style.width = `${(100 * seconds) / scale}%`;
    return piece;
  }));
  bar.classList.toggle("cut", (took(batch, batches.withWait) ?? 0) > 1.01 * scale);
}

/* ---- details ---- */

function drawDetails(row, batch) {
  const receipt = batch.receipt ?? batches.receipts.get(batch.id);
  const drawn = JSON.stringify([batch, receipt, batch.rows === undefined ? Math.floor(Date.now() / 1000) : 0]);
  if (row.drawnDetails === drawn) return;
  row.drawnDetails = drawn;
  const facts = [
    ["Batch", el("code", {}, batch.tag)],
    ["Opened by", receipt?.reason],
    ["Error", batch.error],
    ["Segments", batch.segments === undefined ? null : `${count(batch.segments)}${batch.segmentsFailed > 0 ? `, ${count(batch.segmentsFailed)} failed` : ""}`],
    ["Frames", batch.rows === undefined ? null : `${count(batch.rows)} loaded, ${count(batch.rejected)} rejected, ${count(batch.skipped)} skipped`],
    ["Bytes", batch.bytes === undefined ? null : `${size(batch.bytes)} on disk, ${size(batch.raw)} unpacked`],
    ["Tables", tablesOf(receipt)],
    ["Attempts", receipt?.attempts > 1 ? count(receipt.attempts) : batch.failures > 0 ? `${count(batch.failures)} failed, tried again` : null],
  ].filter(([, value]) => value);
  const commands = [batch.status === "held" ? `spoolgate fail ${batch.id} --why TEXT` : `spoolgate receipt show ${batch.id}`];
  if (batch.rejected > 0 || batch.segmentsFailed > 0) commands.push(`spoolgate retry ${batch.id}`);
  row.parts.details.replaceChildren(
    el("dl.facts", {}, ...facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    ...(batch.stages?.length > 0 ? [stageTable(batch)] : []),
    el("p.commands", {}, ...commands.map((command) => el("code", {}, command))));
}

function tablesOf(receipt) {
  const tables = Object.entries(receipt?.tables ?? {});
  return tables.map(([table, rows]) => `${table} ${count(rows)}`).join(", ") || null;
}

function stageTable(batch) {
  const range = extent(batch, true);
  const rows = batch.stages.map((stage) => {
    const fill = el(`span.fill.stage-${STAGES[stage.stage] ? stage.stage : "unknown"}`);
    fill.style.marginLeft = `${(100 * (stage.from - range.from)) / (range.seconds || 1)}%`;
    fill.style.width = `${(100 * stage.seconds) / (range.seconds || 1)}%`;
    return el("tr", { "data-stage": stage.stage, "data-seconds": stage.seconds },
      el("th", { scope: "row" }, stage.stage), el("td.number", {}, duration(stage.seconds)),
      el("td.lane", { "aria-hidden": "true" }, fill), el("td.muted.what", {}, STAGES[stage.stage] ?? ""));
  });
  return el("table.stage-table", {}, el("caption.unseen", {}, "Stages"),
    el("thead.unseen", {}, el("tr", {}, ...["Stage", "Took", "", "What"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...rows),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, "in all"), el("td.number", {}, duration(range.seconds)), el("td"), el("td"))));
}

/* ---- the table ---- */

const COLUMNS = [
  ["Settled", (b) => ago(b.at)],
  ["Gate", (b) => b.gate],
  ["Batch", (b) => b.tag],
  ["Status", (b) => state(b)[1]],
  ["Segments", (b) => number(b.segments)],
  ["Rows", (b) => number(b.rows)],
  ["Rejected", (b) => number(b.rejected)],
  ["Skipped", (b) => number(b.skipped)],
  ...STAGE_NAMES.map((name) => [name, (b) => stageOf(b, name)]),
  ["In all", (b) => (took(b, true) === null ? "" : duration(took(b, true)))],
];
const WORDS = new Set(["Settled", "Gate", "Batch", "Status"]);

function number(n) {
  return n === undefined ? "" : count(n);
}

function stageOf(batch, name) {
  const seconds = (batch.stages ?? []).filter((s) => s.stage === name).map((s) => s.seconds);
  return seconds.length === 0 ? "" : duration(sum(seconds));
}

function batchTable() {
  const heads = COLUMNS.map(([name]) => el(WORDS.has(name) ? "th" : "th.number", { scope: "col" }, name));
  return el("table.numbers", {}, el("caption.unseen", {}, "Batches, newest first, with the time that each stage took"),
    el("thead", {}, el("tr", {}, ...heads)), el("tbody"));
}

function makeTableRow() {
  return el("tr", {}, ...COLUMNS.map(([name]) => el(WORDS.has(name) ? "td" : "td.number")));
}

function changeTableRow(row, batch) {
  COLUMNS.forEach(([, value], i) => text(row.cells[i], value(batch)));
}

/* ---- before the first batch ---- */

function teach(node, spool = "spool") {
  if (node.taught === spool) return;
  node.taught = spool;
  const protocol = [
    `write   ${spool}/tmp/.a.msgpack        msgpack maps, back to back`,
    "fsync   it",
    `rename  it to ${spool}/incoming/a.msgpack`,
  ].join("\n");
  const example = `echo '{"kind":"event","ts":"${new Date(clock.now()).toISOString()}","source":"me","type":"hello"}' |\n    spoolgate put --spool ${spool}`;
  node.replaceChildren(
    el("p", {}, el("strong", {}, "No batch yet."), " A file that is dropped into the spool becomes rows; that is the whole protocol:"),
    el("pre", { tabindex: 0 }, protocol),
    el("p", {}, "Or let ", el("code", {}, "spoolgate put"), " do it, from JSON lines:"),
    el("pre", { tabindex: 0 }, example));
}
