#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What /metrics counts where that isn't plain: a batch that a later try finishes, lost events and connections, retries.
That the plain numbers are those of the receipts is shown by test_web."""
import json
import urllib.request

import openmetrics
import provider
from knowledge import KnowledgeCase, chunked
from receiver import Receiver, status
from support import EXACTLY, NOW, SiteCase, main, metric, pack, wait_until, without

ANY_PORT = {"SPOOLGATE_HTTP_LISTEN": "127.0.0.1:0"}
ONE_BY_ONE = (f"rescan: 1h\ngates: {{default: {{{EXACTLY.format(1)}, max_rejects: 100%}}, "
              f"mine: {{{EXACTLY.format(1)}}}}}\n")


class Metrics:
    """A daemon's numbers, asked for anew each time."""

    def __init__(self, daemon):
        self.daemon = daemon
        line = wait_until(lambda: daemon.logged('msg="status server listens"', "at=http://"), "it listens")[0]
        self.url = f"http://127.0.0.1:{line.rpartition(':')[2].rstrip('/')}/metrics"

    def value(self, family, suffix="_total", **labels):
        with urllib.request.urlopen(self.url) as answer:
            return openmetrics.read(answer.read().decode())[family].value(suffix, **labels)

    def wait(self, want, family, suffix="_total", **labels):
        wait_until(lambda: self.value(family, suffix, **labels) == want,
                   lambda: f"{family} {labels}: want {want}, got {self.value(family, suffix, **labels)}")


class TestBatches(SiteCase):
    config = ONE_BY_ONE

    def test_one_that_is_retired_later_counts_once(self):
        """The COMMIT is done, and the renames fail: the next try finds a settled receipt, and recalls it."""
        years = [self.site.spool / "archive" / str(NOW.year + i) for i in (0, 1)]  # the night may be New Year's
        with self.site.daemon(env=ANY_PORT) as daemon:
            metrics = Metrics(daemon)
            for year in years:
                year.write_text("in the way")
            self.site.put("a.msgpack", pack(metric(value=1), without(metric(), "name")))
            wait_until(lambda: self.site.gate("default")["stall"] == "batch", "it can't be retired")
            self.assertEqual(self.site.value("SELECT status FROM ingestion_manifest"), "done")
            self.assertEqual(metrics.value("spoolgate_batches", gate="default", status="done"), 0)
            for year in years:
                year.unlink()
            metrics.wait(1, "spoolgate_batches", gate="default", status="done")
            for family, labels, want in (("spoolgate_segments", {"outcome": "loaded"}, 1),
                                         ("spoolgate_frames", {"outcome": "loaded"}, 1),
                                         ("spoolgate_frames", {"outcome": "rejected"}, 1),
                                         ("spoolgate_rejects", {"reason": "other"}, 1)):
                self.assertEqual(metrics.value(family, gate="default", **labels), want, (family, labels))
            self.assertEqual(metrics.value("spoolgate_stalls", reason="batch"), 1)
            self.assertEqual(metrics.value("spoolgate_stage_seconds", "_count", stage="retire"), 1)
            self.assertIsNone(metrics.value("spoolgate_stage_seconds", "_count", stage="load"))


class TestRescued(SiteCase):
    config = ONE_BY_ONE

    def put_folder(self, number):
        """In place of the gate's folder, with a new segment in it: inotify sees the folder alone."""
        folder = self.site.folder / f"folder{number}"
        folder.mkdir()
        (folder / f"{number}.msgpack").write_bytes(pack(metric(value=number)))
        mine = self.site.spool / "incoming" / "mine"
        mine.rename(self.site.folder / f"old{number}")
        folder.rename(mine)

    def test_segments_without_an_event(self):
        with self.site.daemon(env=ANY_PORT) as daemon:
            metrics = Metrics(daemon)
            for i in range(3):
                self.site.put(f"seen{i}.msgpack", pack(metric(value=-i)), "mine")
                metrics.wait(i + 1, "spoolgate_segments", gate="mine", outcome="loaded")
            self.assertEqual(metrics.value("spoolgate_rescued_segments"), 0)
            for i in range(1, 100):  # the daemon may look between the writing and the rename: that is no rescue
                self.put_folder(i)
                metrics.wait(i + 3, "spoolgate_segments", gate="mine", outcome="loaded")
                if metrics.value("spoolgate_rescued_segments") > 0:
                    break
            self.assertTrue(1 <= metrics.value("spoolgate_rescued_segments") <= i)


class TestConnections(SiteCase):
    config = ONE_BY_ONE + "loaders: 1\n"

    def test_each_but_the_first_is_counted(self):
        name = f"meter {self.site.schema}"
        with self.site.daemon(env={**ANY_PORT, "PGAPPNAME": name}) as daemon:
            metrics = Metrics(daemon)
            self.site.put("a.msgpack", pack(metric(value=1)))
            metrics.wait(1, "spoolgate_frames", gate="default", outcome="loaded")
            self.assertEqual(metrics.value("spoolgate_reconnects", who="loader"), 0)
            self.site.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", name)
            self.site.put("b.msgpack", pack(metric(value=2)))
            metrics.wait(2, "spoolgate_frames", gate="default", outcome="loaded")
            metrics.wait(1, "spoolgate_reconnects", who="loader")


class TestDeliveries(SiteCase):
    def test_each_attempt_is_counted_by_its_outcome(self):
        receiver = Receiver(secrets=[])
        self.addCleanup(receiver.stop)
        receiver.script = [status(500), status(200)]
        receiver.otherwise = status(500)
        self.site.configure(f"manifests: manifests\n{ONE_BY_ONE}")
        sinks = self.site.folder / "manifests" / "sinks"
        sinks.mkdir(parents=True)
        (sinks / "ops.yaml").write_text(json.dumps(
            {"sink": "ops", "url": receiver.url, "events": ["gate.done"], "allow_private": True, "retry": [0, "10ms"]}))
        with self.site.daemon(env=ANY_PORT) as daemon:
            metrics = Metrics(daemon)
            for name in ("a", "b"):  # the first is retried and delivered, the second never
                self.site.put(f"{name}.msgpack", pack(metric(name=name)))
                receiver.wait(2 if name == "a" else 4)
            metrics.wait(1, "spoolgate_deliveries", sink="ops", outcome="delivered")
            metrics.wait(1, "spoolgate_deliveries", sink="ops", outcome="dead")
            metrics.wait(2, "spoolgate_deliveries", sink="ops", outcome="retried")
            metrics.wait(4, "spoolgate_delivery_seconds", "_count", sink="ops")


class TestEmbedding(KnowledgeCase):
    CONFIG = ""  # the daemon embeds

    def test_requests_and_texts_are_counted(self):
        self.declare()
        self.provider.script = [provider.status(500)]
        self.provider.otherwise = provider.refusing("POISON")
        with self.site.daemon(env=ANY_PORT) as daemon:
            metrics = Metrics(daemon)
            self.site.put("a.msgpack", pack(*chunked("file:///a", "one", "two", "POISON")))
            metrics.wait(2, "spoolgate_embed_texts", embedder="local", outcome="embedded")
            metrics.wait(1, "spoolgate_embed_texts", embedder="local", outcome="failed")
            counts = {outcome: metrics.value("spoolgate_embed_request_seconds", "_count", embedder="local", outcome=outcome)
                      for outcome in ("ok", "retry", "refused")}
            self.assertEqual(counts["retry"], 1)
            self.assertEqual(sum(counts.values()), len(self.provider.requests))
            self.assertGreaterEqual(counts["refused"], 2)  # all three, and at last the one


if __name__ == "__main__":
    main()
