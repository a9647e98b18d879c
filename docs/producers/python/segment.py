# SPDX-License-Identifier: MIT
"""A producer in Python (python3-msgpack): writes a segment of COUNT metrics into the spool, and prints its path.

    python3 segment.py /var/spool/spoolgate 1000

Copy the class Segment. Left by an exception, it leaves nothing behind.
"""
import contextlib
import datetime
import os
import secrets
import socket
import sys
import time

import msgpack


class Segment:
    """One file: `with Segment(spool) as s: s.add({"kind": …})`; published at the end of the block."""

    def __init__(self, spool, gate=""):
        # The time makes names sort, the random number makes them differ between processes and hosts.
        name = f"python-{time.time_ns()}-{secrets.token_hex(8)}.msgpack"
        self.folder = os.path.join(spool, "incoming", gate)
        self.path = os.path.join(self.folder, name)
        self.draft = os.path.join(spool, "tmp", f".{name}.tmp")
        self.frames = 0
        self.file = None

    def add(self, frame):
        # datetime=True: aware datetimes become msgpack's timestamps
        self.file.write(msgpack.packb(frame, datetime=True))
        self.frames += 1

    def publish(self):
        self.file.write(msgpack.packb({"kind": "seal", "frames": self.frames}))  # proves that nothing is missing
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        os.rename(self.draft, self.path)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # an error here: the segment is there, but a power cut could take it back
        finally:
            os.close(folder)

    def __enter__(self):
        fd = os.open(self.draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.file = open(fd, "wb")
        return self

    def __exit__(self, kind, failure, traceback):
        try:
            if failure is None:
                self.publish()
        finally:
            with contextlib.suppress(FileNotFoundError):  # it was renamed: the good case
                os.unlink(self.draft)
            self.file.close()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: segment.py SPOOL COUNT")
    with Segment(sys.argv[1]) as segment:
        for i in range(int(sys.argv[2])):
            segment.add({"kind": "metric", "ts": datetime.datetime.now(datetime.timezone.utc),
                         "source": socket.gethostname(), "name": "recipe", "value": i / 2})
    print(segment.path)


if __name__ == "__main__":
    main()
