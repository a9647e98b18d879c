# SPDX-License-Identifier: MIT
"""A strict reader of OpenMetrics 1.0 text, for tests: it refuses what Prometheus might overlook.

    families = read(text)
    families["spoolgate_frames"].value("_total", gate="default", outcome="loaded")
"""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "info": ("_info",), "histogram": ("_bucket", "_count", "_sum")}


class Wrong(ValueError):
    """The text isn't OpenMetrics."""


def need(condition, line, what):
    if not condition:
        raise Wrong(f"{what}: {line!r}")


class Family:
    def __init__(self, name):
        self.name, self.type, self.unit, self.help = name, None, None, None
        self.samples = {}  # (suffix, labels as a frozenset of pairs): value

    def value(self, suffix="", **labels):
        """None where there is no such series."""
        return self.samples.get((suffix, frozenset(labels.items())))

    def total(self, suffix="", **labels):
        """Of all series that have these labels."""
        return sum(v for (s, l), v in self.samples.items() if s == suffix and labels.items() <= dict(l).items())


def read_labels(text, line):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        need(match, line, "labels")
        need(match[1] not in labels, line, "a label twice")
        labels[match[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[2])
        at = match.end()
        need(at == len(text) or (text[at] == "," and at + 1 < len(text)), line, "labels")
        at += 1
    return labels


def read_sample(line, family):
    match = re.fullmatch(r"([^ {]+)(?:\{(.*)\})? (\S+)", line)
    need(match and NAME.fullmatch(match[1]), line, "not a sample")
    need(family is not None and match[1].startswith(family.name), line, "a sample of no family")
    suffix = match[1][len(family.name):]
    need(suffix in SUFFIXES[family.type], line, f"not a sample of a {family.type}")
    labels = read_labels(match[2] or "", line)
    need(("le" in labels) == (suffix == "_bucket"), line, "le belongs to buckets")
    key = (suffix, frozenset(labels.items()))
    need(key not in family.samples, line, "a series twice")
    value = float(match[3])
    need(family.type not in ("counter", "histogram", "info") or value >= 0, line, "negative")
    family.samples[key] = value


def check_histogram(family):
    series = {}
    for (suffix, labels), value in family.samples.items():
        rest = dict(labels)
        bound = rest.pop("le", None)
        parts = series.setdefault(frozenset(rest.items()), {"buckets": []})
        if suffix == "_bucket":
            parts["buckets"].append((float(bound), value))
        else:
            parts[suffix] = value
    for labels, parts in series.items():
        bounds = [bound for bound, _ in parts["buckets"]]
        counts = [count for _, count in parts["buckets"]]
        need(bounds == sorted(set(bounds)) and counts == sorted(counts), (family.name, labels), "buckets go up")
        need(bounds and bounds[-1] == math.inf, (family.name, labels), "no bucket +Inf")
        need(counts[-1] == parts.get("_count"), (family.name, labels), "+Inf isn't the count")
        need("_sum" in parts, (family.name, labels), "no sum")


def read(text):
    """{name: Family}, in the text's order; Wrong where it isn't well-formed."""
    families, family = {}, None
    need(text.endswith("# EOF\n"), text[-40:], "no # EOF at the end")
    for line in text[:-len("# EOF\n")].split("\n")[:-1]:
        need(line and line == line.strip(), line, "a blank")
        if not line.startswith("#"):
            read_sample(line, family)
            continue
        match = re.fullmatch(r"# (TYPE|UNIT|HELP) (\S+) (.+)", line)
        need(match and NAME.fullmatch(match[2]), line, "not a line of OpenMetrics")
        if family is None or family.name != match[2]:
            need(match[2] not in families, line, "a family in two pieces")
            need(match[1] == "TYPE", line, "TYPE comes first")
            family = families[match[2]] = Family(match[2])
        need(not family.samples, line, "behind its samples")
        need(getattr(family, match[1].lower()) is None, line, "twice")
        setattr(family, match[1].lower(), match[3])
        need(match[1] != "TYPE" or match[3] in SUFFIXES, line, "no such type")
        need(match[1] != "UNIT" or match[2].endswith("_" + match[3]), line, "the name ends in its unit")
    for f in families.values():
        need(not (f.type == "counter" and f.name.endswith("_total")), f.name, "_total is a sample's")
        if f.type == "histogram":
            check_histogram(f)
    return families


def classic(text):
    """The same as Prometheus' older text format has it, which promtool reads."""
    lines, kind = [], None
    for line in text.splitlines():
        if line == "# EOF" or line.startswith("# UNIT "):
            continue
        match = re.fullmatch(r"# (TYPE|HELP) (\S+) (.+)", line)
        if match and match[1] == "TYPE":
            kind = match[3]
        if match:
            name = match[2] + {"counter": "_total", "info": "_info"}.get(kind, "")
            line = f"# {match[1]} {name} {'gauge' if match[3] == 'info' else match[3]}"
        lines.append(line)
    return "\n".join(lines) + "\n"
