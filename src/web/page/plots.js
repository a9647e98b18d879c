/* SPDX-License-Identifier: MIT */
/*
 * The charts: four small plots over the same time, with one cursor for all of them. Each is drawn
 * anew at its own size, so that lines and letters stay sharp. With the keyboard a plot is a slider
 * along its samples, whose value is read out.
 */
"use strict";

const PLOT = { height: 124, top: 8, bottom: 22, left: 50, right: 6, font: 11 }; // in a page of 14 px letters
const SPANS_S = [120, 300, 600, 900];

const plots = {
  all: [],
  history: null, // of the last answer
  cursor: null, // a sample's number, while somebody points at it

  start() {
    const rejected = (i) => (this.history.rejected[i] > 0 ? `, ${count(this.history.rejected[i])} rejected` : "");
    const perStep = (key) => (i) => this.history[key][i] / this.history.step_s;
    const now = (key) => (i) => this.history[key][i];
    this.add("throughput", {
      name: "Rows per second", unit: "rows/s", of: perStep("rows"), least: 10, format: rate,
      marks: (i) => this.history.rejected[i] > 0, more: rejected,
    });
    this.add("throughput", { name: "Megabytes read per second", unit: "MB/s", of: perStep("bytes"), least: 1e5, unitSize: 1e6, format: megabytes });
    this.add("backlog", { name: "Segments waiting", unit: "segments", of: now("waiting"), least: 10, format: count });
    this.add("backlog", { name: "Bytes waiting", unit: "", of: now("waiting_bytes"), least: 1024, binary: true, format: size });
    const watcher = new ResizeObserver(() => this.draw());
    for (const plot of this.all) watcher.observe(plot.box);
  },

  add(parent, options) {
    const plot = { ...options };
    plot.now = el("strong.figure");
    plot.at = el("span.muted");
    plot.svg = vector("svg", { "aria-hidden": "true" });
    plot.box = el("div.plot", { tabindex: 0, role: "slider", "aria-label": `${plot.name}, over time`, "aria-orientation": "horizontal" }, plot.svg);
    $(parent).append(el("div", {}, el("p.reading", {}, plot.now, el("span.unit", {}, plot.unit), plot.at), plot.box));
    plot.box.addEventListener("pointermove", (event) => this.point(plot, event));
    plot.box.addEventListener("pointerleave", () => this.move(null));
    plot.box.addEventListener("blur", () => this.move(null));
    plot.box.addEventListener("keydown", (event) => this.key(event));
    this.all.push(plot);
  },

  samples() {
    return this.history ? this.history.rows.length : 0;
  },

  update(history) {
    this.history = history;
    if (this.cursor !== null) this.cursor = Math.min(this.cursor, Math.max(0, this.samples() - 1));
    this.draw();
  },

  point(plot, event) {
    const place = (event.clientX - plot.box.getBoundingClientRect().left - plot.size.left) / plot.step;
    this.move(this.samples() > 0 ? Math.min(this.samples() - 1, Math.max(0, Math.round(place - plot.first))) : null);
  },

  key(event) {
    const last = this.samples() - 1;
    const from = this.cursor ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, PageUp: from - 15, PageDown: from + 15, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.move(null);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.move(Math.min(last, Math.max(0, to)));
  },

  move(cursor) {
    if (this.cursor === cursor) return;
    this.cursor = cursor;
    this.draw();
  },

  timeOf(i) {
    return Date.parse(this.history.end_at) - (this.samples() - 1 - i) * this.history.step_s * 1000;
  },

  draw() {
    const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
    for (const plot of this.all) {
      const width = Math.floor(plot.box.clientWidth);
      plot.size = { width, ...Object.fromEntries(Object.entries(PLOT).map(([name, px]) => [name, px * zoom])) };
      if (width > 0) this.drawOne(plot);
    }
  },

  drawOne(plot) {
    const { size: area } = plot;
    const n = this.samples();
    const values = Array.from({ length: n }, (_, i) => plot.of(i));
    const step = this.history?.step_s ?? 2;
    const span = SPANS_S.find((s) => s >= n * step) ?? SPANS_S.at(-1);
    const slots = span / step;
    plot.step = (area.width - area.left - area.right) / slots;
    plot.first = slots - n + 1;
    const top = niceTop(Math.max(plot.least, ...values), plot);
    const x = (i) => area.left + (plot.first + i) * plot.step;
    const y = (v) => area.height - area.bottom - (v / top) * (area.height - area.top - area.bottom);
    const parts = [...grid(plot, top, y), ...timeAxis(span, area)];
    if (n > 0) {
      const line = values.map((v, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      parts.push(vector("path", { class: "area", d: `${line}L${x(n - 1).toFixed(1)} ${y(0)}L${x(0).toFixed(1)} ${y(0)}Z` }));
      parts.push(vector("path", { class: "line", d: line }));
    }
    for (let i = 0; plot.marks && i < n; i++)
      if (plot.marks(i)) parts.push(vector("path", { class: "mark-bad", d: `M${x(i).toFixed(1)} ${y(0)}v-7` }));
    const shown = this.cursor ?? n - 1;
    if (n > 0 && (this.cursor !== null || values[shown] > 0)) {
      if (this.cursor !== null)
        parts.push(vector("path", { class: "cursor", d: `M${x(shown).toFixed(1)} ${area.top / 2}V${area.height - area.bottom}` }));
      parts.push(vector("circle", { class: "dot", cx: x(shown).toFixed(1), cy: y(values[shown]).toFixed(1), r: 3.5 }));
    }
    set(plot.svg, "width", area.width);
    set(plot.svg, "height", area.height);
    plot.svg.replaceChildren(...parts);
    this.read(plot, values, shown);
  },

  read(plot, values, shown) {
    const n = values.length;
    const value = n > 0 ? plot.format(values[shown]) : "–";
    const unit = plot.unit ? ` ${plot.unit}` : "";
    const at = this.cursor === null ? "" : timeOfDay(this.timeOf(shown));
    const more = n > 0 && this.cursor !== null && plot.more ? plot.more(shown) : "";
    text(plot.now, value);
    text(plot.at, this.cursor === null ? (n > 0 ? `highest ${plot.format(Math.max(...values))}` : "") : at + more);
    set(plot.box, "aria-valuemin", 0);
    set(plot.box, "aria-valuemax", Math.max(0, n - 1));
    set(plot.box, "aria-valuenow", Math.max(0, shown));
    set(plot.box, "aria-valuetext", n === 0 ? "no sample yet"
      : this.cursor !== null ? `${at}: ${value}${unit}${more}`
      : `now ${value}${unit}, highest ${plot.format(Math.max(...values))}${unit}`);
  },
};

/* The axis ends at a round number: 1, 2, 4, 5 or 8 times a power of ten, or a power of two. */
function niceTop(most, plot) {
  if (plot.binary) return 2 ** Math.ceil(Math.log2(most));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 8, 10].map((f) => f * power).find((v) => v >= most * 0.999);
}

function grid(plot, top, y) {
  const label = (v) => (plot.unitSize ? String(+(v / plot.unitSize).toPrecision(3)) : plot.binary ? size(v).replace(".0 ", " ") : count(v));
  const { left, right, width, font } = plot.size;
  return [0, 0.5, 1].flatMap((part) => {
    const height = Math.round(y(part * top)) + 0.5;
    return [vector("path", { class: part === 0 ? "base" : "grid", d: `M${left} ${height}H${width - right}` }),
      vector("text", { class: "tick", x: left - font / 2, y: height + font / 3, "font-size": font, "text-anchor": "end" }, part === 0 ? "0" : label(part * top))];
  });
}

function timeAxis(span, { left, right, width, height, font }) {
  const minutes = span / 60;
  const every = { 2: 1, 5: 2, 10: 5, 15: 5 }[minutes];
  const across = width - left - right;
  const ticks = [];
  for (let m = 0; m <= minutes; m += every) {
    const x = left + across * (1 - m / minutes);
    ticks.push(vector("text", { class: "tick", x: x.toFixed(1), y: height - font / 2, "font-size": font, "text-anchor": m === 0 ? "end" : "middle" }, m === 0 ? "now" : `−${m} min`));
  }
  return ticks;
}
