#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many segments, half of them compressed, written by another msgpack library while the daemon runs.

    SPOOLGATE_TEST_SEGMENTS=1000 /usr/bin/python3 tests/e2e/test_volume.py     a million rows
"""
import datetime
import os
import sys
import time

import msgpack

from support import NOW, SiteCase, conservation, main, zstd

SEGMENTS = int(os.environ.get("SPOOLGATE_TEST_SEGMENTS", "60"))
FRAMES = 1000


def segment(number):
    """A thousand metrics over three days; each value of the whole feed occurs once."""
    packer = msgpack.Packer()
    start = NOW - datetime.timedelta(days=number % 3)
    first = number * FRAMES
    labels = {"segment": number, "host": f"host-{number % 7}"}
    return b"".join(packer.pack({"kind": "metric", "ts": start.timestamp() - i / 1000,
                                 "source": "volume", "name": f"m{i % 10}", "value": first + i,
                                 "labels": labels}) for i in range(FRAMES))


class TestVolume(SiteCase):
    def test_all_of_it_arrives_once(self):
        total = SEGMENTS * FRAMES
        with self.site.daemon():
            start = time.monotonic()
            for number in range(SEGMENTS):
                data = segment(number)
                if number % 2:
                    self.site.put(f"{number}.msgpack.zst", zstd(data))
                else:
                    self.site.put(f"{number}.msgpack", data)
            written = time.monotonic()
            receipts = self.site.wait_settled(0, segments=SEGMENTS)
            settled = time.monotonic()
            print(f"\n{SEGMENTS} segments of {FRAMES} frames: written in {written - start:.1f} s, all "
                  f"settled {settled - written:.1f} s later, in {len(receipts)} batches", file=sys.stderr)
        self.assertEqual(self.site.query("SELECT count(*), count(DISTINCT value), sum(value)::bigint"
                                         " FROM metrics"),
                         [(total, total, total * (total - 1) // 2)])
        self.assertEqual(sum(r["file_count"] for r in receipts), SEGMENTS)
        for receipt in receipts:
            self.assertEqual((receipt["status"], receipt["frames_rejected"], receipt["frames_skipped"]),
                             ("done", 0, 0))
            self.assertEqual(*conservation(receipt))
            self.assertEqual(receipt["tables"], {"metrics": receipt["rows_loaded"]})
        self.assertEqual(self.site.query("SELECT batch_id, count(*) FROM metrics GROUP BY 1 ORDER BY 1"),
                         sorted((r["batch_id"], r["rows_loaded"]) for r in receipts))
        self.assertEqual([self.site.tree(f) for f in ("tmp", "incoming", "processing", "failed")],
                         [[], [], [], []])
        self.assertEqual(sum(1 for p in self.site.tree("archive") if not p.endswith(".claim.json")),
                         SEGMENTS)


if __name__ == "__main__":
    main()
