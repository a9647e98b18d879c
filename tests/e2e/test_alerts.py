#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The shipped alerts over what a real daemon says of itself: silent while it is well, and not while it isn't.

monitoring/prometheus/tests.yaml has each alert over made-up figures; here names, labels and values are the daemon's."""
import json
import math
import shutil
import subprocess
import unittest

from test_web import ANY_PORT, web_of
from support import EXACTLY, ROOT, SiteCase, main, metric, pack, wait_until, without

RULES = ROOT / "monitoring" / "prometheus" / "spoolgate.rules.yaml"


def series(families, minutes):
    """What promtool takes: each sample as a series that begins after 5 minutes and stays as it is."""
    job = {"instance": "here", "job": "spoolgate"}
    found = [("up", job, 1.0)]
    for family in families.values():
        for (suffix, labels), value in family.samples.items():
            if math.isfinite(value):
                found.append((family.name + suffix, {**dict(labels), **job}, value))
    return [{"series": name + "{" + ", ".join(f"{k}={json.dumps(v)}" for k, v in labels.items()) + "}",
             "values": f"_x5 {value:.6f}x{minutes}"} for name, labels, value in found]


@unittest.skipUnless(shutil.which("promtool"), "no promtool (Debian's package prometheus)")
class TestAlerts(SiteCase):
    config = f"gates: {{default: {{{EXACTLY.format(1)}, max_rejects: 100%}}}}\n"

    def assert_firing(self, families, want, minute):
        """want: names. How full this machine's disk is isn't the test's."""
        test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [{
            "interval": "1m", "input_series": series(families, 200),
            "promql_expr_test": [{
                "expr": 'count by (alertname) (ALERTS{alertstate="firing", alertname!="SpoolgateSpoolFull"})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in want]}]}]}
        file = self.site.folder / "tests.json"
        file.write_text(json.dumps(test))
        done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"want {want}\n{done.stdout}{done.stderr}")

    def metrics_when(self, web, what, condition):
        """A scrape by which it is so."""
        def found():
            families = web.metrics()
            return families if condition(families) else None
        return wait_until(found, what)

    def test_a_daemon_that_is_well(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            self.site.put("a.msgpack", pack(metric(value=1)))
            self.site.wait_settled(1)
            families = self.metrics_when(web_of(daemon), "the database was asked",
                                         lambda f: "spoolgate_partitions" in f and f["spoolgate_partitions"].total() > 0)
        self.assert_firing(families, [], 180)

    def test_rejects_and_failed_segments(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            self.site.put("a.msgpack", pack(metric(value=1), without(metric(), "name")))
            self.site.put("b.msgpack", b"\xc1 is no msgpack")
            self.site.wait_settled(None, segments=2)
            families = self.metrics_when(
                web_of(daemon), "both are counted", lambda f: f["spoolgate_rejects"].total("_total") == 1
                and f["spoolgate_segments"].total("_total", outcome="failed") == 1)
        self.assert_firing(families, ["SpoolgateRejects", "SpoolgateSegmentsFailed"], 10)
        self.assert_firing(families, [], 40)

    def test_a_gate_that_is_stalled_and_one_that_is_held(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            self.site.run("gate", "hold", "default", code=0)
            self.site.put("c.msgpack", pack(metric(value=1)))
            families = self.metrics_when(web_of(daemon), "it is held", lambda f:
                                         f["spoolgate_gate_held"].value(gate="default") == 1
                                         and f["spoolgate_gate_waiting_segments"].value(gate="default") == 1)
        self.assert_firing(families, [], 180)
        self.site.configure("room: {warn: 1, hold: 1}\n")
        with self.site.daemon(env=ANY_PORT) as daemon:
            self.site.run("gate", "release", "default", code=0)
            families = self.metrics_when(web_of(daemon), "it is stalled", lambda f:
                                         f["spoolgate_gate_stalled"].value(gate="default", reason="room") == 1)
        self.assert_firing(families, ["SpoolgateStalled"], 15)


if __name__ == "__main__":
    main()
