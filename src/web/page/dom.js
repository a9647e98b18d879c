/* SPDX-License-Identifier: MIT */
/*
 * Making and keeping elements. Whatever comes from the server becomes text or an attribute, never
 * markup; what hasn't changed isn't touched, so that a focus, a selection and a screen reader stay
 * where they are.
 */
"use strict";

const $ = (id) => document.getElementById(id);

/* el("p.muted", { title: "…" }, "text", another element) */
function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  if (classes.length > 0) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children);
  return node;
}

function vector(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children);
  return node;
}

/* null and false take the attribute away. */
function set(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

function text(node, value) {
  const words = String(value ?? "");
  if (node.textContent !== words) node.textContent = words;
}

function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/* A time, relative, with the absolute one for whoever points at it. */
function when(node, at, words = ago(at)) {
  text(node, words);
  set(node, "title", absolute(at));
}

/*
 * Children of a parent for a list of items: made once for a key, changed in place, moved only where
 * the order changed, and removed with their item.
 */
function list(parent, items, keyOf, make, change) {
  const wanted = new Map(items.map((item) => [keyOf(item), item]));
  parent.kept ??= new Map();
  for (const [key, node] of parent.kept) {
    if (wanted.has(key)) continue;
    node.remove();
    parent.kept.delete(key);
  }
  let at = parent.firstElementChild;
  for (const [key, item] of wanted) {
    const node = parent.kept.get(key) ?? make(item);
    parent.kept.set(key, node);
    change(node, item);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/* States differ by shape and word as well as by colour. */
const SHAPES = {
  good: "M2.5 8.5l3.5 3.5 7.5-8",
  bad: "M8 1.5l7 13H1zM8 6v4M8 12v.6",
  warn: "M8 1.2L14.8 8 8 14.8 1.2 8zM8 4.8v4M8 10.8v.6",
  held: "M5 3v10M11 3v10",
  busy: "M8 2a6 6 0 1 0 6 6",
  quiet: "M3 8h10",
};

function icon(level) {
  return vector("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, vector("path", { d: SHAPES[level] }));
}

/* A pill's level and word; the icon only changes with the level. */
function pill(node, level, word) {
  if (node.dataset.level !== level) {
    node.dataset.level = level;
    node.replaceChildren(icon(level), el("span"));
  }
  text(node.lastElementChild, word);
}

function share(node, value) {
  const width = `${(100 * Math.min(1, Math.max(0, value))).toFixed(2)}%`;
  if (node.style.width !== width) node.style.width = width;
}

/* Words with a `command` in them, as documents write it. */
function words(node, sentence) {
  if (node.dataset.words === sentence) return;
  node.dataset.words = sentence;
  node.replaceChildren(...sentence.split("`").map((part, i) => (i % 2 === 1 ? el("code", {}, part) : part)));
}

/* A list that shows its first few, and all of them when asked. */
function shorten(button, all, few, what) {
  const open = button.dataset.open === "yes";
  show(button, all.length > few);
  text(button, open ? `Show fewer ${what}` : `Show all ${count(all.length)} ${what}`);
  set(button, "aria-expanded", String(open));
  return open ? all : all.slice(0, few);
}
