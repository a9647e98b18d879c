/* SPDX-License-Identifier: MIT */
/*
 * The page: asks /api/status every two seconds while somebody can see it, and hands the answer to
 * whoever shows a part of it. Without an answer it says since when what it shows is old.
 */
"use strict";

const EVERY_MS = 2000;
const PATIENCE_MS = 10000;
const LOST_AFTER = 2; // failures in a row: one alone may be a restart of the network
const FACTS_OLD_S = 60;

const page = {
  status: null,
  failures: 0,
  problem: "",
  answeredAt: 0,
  timer: 0,
  isPaused: false,
  said: {},

  start() {
    plots.start();
    gates.start();
    batches.start();
    facts.start();
    $("pause").addEventListener("click", () => this.pause());
    document.addEventListener("visibilitychange", () => this.next(0));
    setInterval(() => this.head(), 1000);
    this.head();
    this.next(0);
  },

  pause() {
    this.isPaused = !this.isPaused;
    set($("pause"), "aria-pressed", String(this.isPaused));
    text($("pause"), this.isPaused ? "Go on" : "Pause");
    this.head();
    this.next(0);
  },

  /* One question at a time, none where nobody looks. */
  next(delay) {
    clearTimeout(this.timer);
    if (document.hidden || this.isPaused) return;
    this.timer = setTimeout(() => this.ask(), delay);
  },

  async ask() {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const answer = await fetch("api/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!answer.ok) throw new Error(`the server says ${answer.status}`);
      const status = await answer.json();
      this.failures = 0;
      this.answeredAt = Date.now();
      if (!this.isPaused) this.draw(status);
    } catch (error) {
      this.failures++;
      this.problem = error instanceof TypeError ? "nobody answers" : error.name === "TimeoutError" ? "no answer in time" : error.message;
    }
    this.isAsking = false;
    this.head();
    this.next(EVERY_MS);
  },

  draw(status) {
    this.status = status;
    clock.set(status.now);
    plots.update(status.history);
    gates.update(status);
    batches.update(status);
    facts.update(status);
    $("main").classList.remove("unknown");
  },

  isLost() {
    return this.failures >= (this.status ? LOST_AFTER : 1);
  },

  /* What a glance at the top, or at the tab, has to tell. */
  head() {
    const { status } = this;
    const [level, word] = this.health();
    const daemon = status?.daemon ?? {};
    document.body.classList.toggle("lost", this.isLost());
    pill($("health"), level, word);
    text($("version"), daemon.version ?? "");
    text($("spool"), status?.spool ?? "");
    when($("up"), daemon.started_at, daemon.started_at ? `up ${age(daemon.started_at) < 60 ? roughly(age(daemon.started_at)) : duration(age(daemon.started_at))}` : "");
    text($("manifests"), status?.manifests?.rev ? `manifests ${shortRev(status.manifests.rev)}` : "");
    set($("manifests"), "title", status?.manifests?.source);
    document.title = level === "good" ? "spoolgate" : `${word} – spoolgate`;
    tabIcon(level);
    const notices = this.notices();
    list($("notices"), notices, (n) => n.key, makeNotice, changeNotice);
    this.announce("health", word);
    this.announce("notices", notices.map((n) => n.key).join(" "), notices.map((n) => `${n.title}. ${n.say ?? ""}`).join(" "));
  },

  health() {
    const ready = this.status?.ready;
    if (this.isLost()) return ["bad", "no connection"];
    if (this.isPaused) return ["held", "paused"];
    if (!ready) return ["busy", "asking"];
    if (this.status.daemon?.stopping) return ["busy", "stopping"];
    return ready.ready ? ["good", "ready"] : ["bad", "not ready"];
  },

  notices() {
    const { status } = this;
    const found = [];
    if (this.isLost())
      found.push({
        key: "lost", level: "bad", title: `No connection to the daemon: ${this.problem}`, say: "What is shown is old.",
        lines: [status ? `What is shown is ${duration((Date.now() - this.answeredAt) / 1000)} old. It is asked again every ${limit(EVERY_MS / 1000)}.`
          : "Nothing is known yet. Does `spoolgate run` run, and does `http.listen` name this address?"],
      });
    if (!status) return found;
    if (!status.ready?.ready)
      found.push({ key: "not-ready", level: "bad", title: "Not ready: segments don't become rows", lines: status.ready?.reasons ?? [], say: (status.ready?.reasons ?? []).join(". ") });
    if (status.manifests?.refused)
      found.push({ key: "refused", level: "warn", title: "The manifests were not reloaded; those from before are in force", lines: [status.manifests.refused] });
    if (status.daemon?.courier?.database_error)
      found.push({ key: "courier", level: "warn", title: "Events are not delivered", lines: [status.daemon.courier.database_error] });
    if (status.facts?.error)
      found.push({
        key: "facts", level: "warn", title: "The database doesn't answer the status server", lines: [status.facts.error,
          status.facts.asked_at ? `Rejects, deliveries, documents and partitions are as of ${ago(status.facts.asked_at)}.` : "Rejects, deliveries, documents and partitions aren't known yet."],
      });
    else if (status.facts?.asked_at && age(status.facts.asked_at) > FACTS_OLD_S)
      found.push({ key: "facts-old", level: "warn", title: "The database was asked long ago", lines: [`Rejects, deliveries, documents and partitions are as of ${ago(status.facts.asked_at)}.`] });
    return found;
  },

  /* Says a thing once, when it changes; not what is found at the start and fine. */
  announce(topic, key, sentence = key) {
    const before = this.said[topic];
    this.said[topic] = key;
    if (before !== undefined && before !== key && sentence.trim()) $("announce").textContent = sentence;
  },
};

function makeNotice(notice) {
  const parts = { title: el("h2"), lines: el("ul") };
  const node = el("section.notice", { "data-level": notice.level }, icon(notice.level), el("div", {}, parts.title, parts.lines));
  node.parts = parts;
  return node;
}

function changeNotice(node, notice) {
  text(node.parts.title, notice.title);
  list(node.parts.lines, notice.lines.map((line, i) => ({ line, i })), (l) => l.i, () => el("li"), (item, l) => words(item, l.line));
}

function shortRev(rev) {
  const [commit, dirty] = rev.split("+");
  return commit.replace(/^(sha256:)?(.{12}).*/, "$1$2") + (dirty ? `+${dirty}` : "");
}

/* A tab in the background tells by its colour, too. */
function tabIcon(level) {
  const colour = { good: "#15803d", bad: "#c02626" }[level] ?? "#6b7280";
  const shape = level === "bad" ? "M16 3l14 26H2z" : "M16 3a13 13 0 1 0 .1 0z";
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="${colour}" d="${shape}"/></svg>`;
  set(document.querySelector("link[rel=icon]"), "href", `data:image/svg+xml,${encodeURIComponent(picture)}`);
}

page.start();
