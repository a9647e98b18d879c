# SPDX-License-Identifier: MIT
"""The tables: on the screen, and in docs/PERFORMANCE.md."""
import os
import pathlib
import platform
import subprocess

from cluster import ROOT, SETTINGS
from measure import spread

WIDTHS = (46, 27)  # of what and against: the table fits 100 columns


def screen(results, facts):
    lines = [f"{facts['machine']}", f"PostgreSQL {facts['postgres']}, {facts['settings']}", ""]
    ratios = [r for result in results.values() for r in result.ratios]
    if ratios:
        lines += [f"{'what':<{WIDTHS[0]}} {'against':<{WIDTHS[1]}} {'want':>6} {'measured':<18}",
                  f"{'-' * WIDTHS[0]} {'-' * WIDTHS[1]} {'-' * 6} {'-' * 18}"]
    for r in ratios:
        lines.append(f"{r.what:<{WIDTHS[0]}} {r.against:<{WIDTHS[1]}} {r.want:>6} {r.measured.text(r.form):<18}"
                     f"{' NO' if r.met == 'no' else ''}".rstrip())
    for name, result in results.items():
        if result.samples:
            lines += ["", *rates(name, result.samples)]
        lines += [f"{name}: {note}" for note in result.notes]
    if facts["quick"]:
        lines += ["", "--quick: few rows, few rounds, the big points left out. Good to see that it runs; no figures to quote."]
    lines += ["", f"{facts['seconds']:.0f} s"]
    return "\n".join(lines)


def rates(name, samples):
    yield f"{name:<28} {'rows/s':<32} {'CPU µs/row: client':>18} {'server':>7} {'peak MiB':>9}"
    for contender, all_of_it in samples.items():
        yield (f"  {contender:<26} {spread(all_of_it).text('{:,.0f}'):<32}"
               f" {spread(all_of_it, lambda s: s.client / s.rows * 1e6).median:18.3f}"
               f" {spread(all_of_it, lambda s: s.backend / s.rows * 1e6).median:7.2f}"
               f" {spread(all_of_it, lambda s: s.peak / 2**20).high:9.0f}")


# ---- facts ----

def machine(cluster, binaries, args):
    info = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line)
    cpu = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"machine": f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB; {info['PRETTY_NAME'].strip(chr(34))},"
                       f" Linux {platform.release()}",
            "postgres": cluster.version, "quick": args.quick,
            "settings": ", ".join(f"{key}={value}" for key, value in SETTINGS.items()),
            "version": subprocess.run([binaries[""], "--version"], capture_output=True, text=True, check=True).stdout.strip(),
            "commit": commit()}


def commit():
    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True, check=False).stdout.strip()
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " with changes" if git("status", "--porcelain", "--", "src", "db") else "")
