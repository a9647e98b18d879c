/* SPDX-License-Identifier: MIT */
/* How numbers and times look: as the commands print them (str_size, str_duration, str_count). */
"use strict";

function count(n) {
  return Number(n ?? 0).toLocaleString("en-US", { maximumFractionDigits: 0 });
}

function many(n, one, more = one + "s") {
  return `${count(n)} ${n === 1 ? one : more}`;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = Number(bytes ?? 0);
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

/* How far something is: "12.1 / 16 MiB". */
function sizeOf(bytes, most) {
  const [value, unit] = size(bytes).split(" ");
  const [limit, limitUnit] = size(most).replace(".0 ", " ").split(" ");
  return `${value}${unit === limitUnit ? "" : ` ${unit}`} / ${limit} ${limitUnit}`;
}

function duration(seconds) {
  const s = Math.max(0, Number(seconds ?? 0));
  const whole = Math.floor(s);
  if (s < 0.01) return `${(s * 1000).toFixed(1)} ms`;
  if (s < 1) return `${Math.floor(s * 1000)} ms`;
  if (s < 60) return `${s.toFixed(1)} s`;
  if (s < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (s < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/* A threshold, as somebody wrote it down: "2 s", "200 ms", "1.5 min". */
function limit(seconds) {
  if (seconds < 1) return `${+(seconds * 1000).toPrecision(4)} ms`;
  if (seconds < 60) return `${+seconds.toPrecision(4)} s`;
  if (seconds < 3600) return `${+(seconds / 60).toPrecision(4)} min`;
  return `${+(seconds / 3600).toPrecision(4)} h`;
}

/* A rate: three digits are enough to compare, and don't flicker. */
function rate(perSecond) {
  const value = Number(perSecond ?? 0);
  if (value > 0 && value < 10) return value.toFixed(1);
  return count(value);
}

/* Megabytes, as networks and disks are sold. */
function megabytes(bytes) {
  const value = Number(bytes ?? 0) / 1e6;
  return value >= 100 ? count(value) : value === 0 ? "0" : value.toFixed(value >= 0.1 ? 1 : 3);
}

/* Times of the server are compared with the server's clock; ours may be off. */
const clock = {
  offset: 0,
  set(now) {
    this.offset = Date.parse(now) - Date.now();
  },
  now() {
    return Date.now() + this.offset;
  },
};

function age(at) {
  return Math.max(0, (clock.now() - Date.parse(at)) / 1000);
}

/* As people say it; the title has the rest. */
function roughly(seconds) {
  const [unit, of] = [["d", 86400], ["h", 3600], ["min", 60]].find(([, s]) => seconds >= s) ?? ["s", 1];
  return `${Math.floor(seconds / of)} ${unit}`;
}

function ago(at) {
  if (!at) return "never";
  return age(at) < 1 ? "now" : `${roughly(age(at))} ago`;
}

function absolute(at) {
  return at ? new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) + ` (${at})` : "";
}

function timeOfDay(ms) {
  return new Date(ms).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}
