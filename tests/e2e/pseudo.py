# SPDX-License-Identifier: MIT
"""The program on a terminal of its own, and what would be seen there.

    with pseudo.Terminal(site, "status", "--watch", "100ms") as terminal:
        terminal.wait_for("running")
        terminal.type("q")
        self.assertEqual(terminal.wait_exit(), 0)
    self.assertEqual(terminal.screen.faults, [])
"""
import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
import unicodedata

import support

ESCAPE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")


def width_of(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Screen:
    """As much of a terminal as a redraw in place needs. What such a redraw never does is a fault: to wrap, to
    scroll, to send something else."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = {}  # row -> list of characters, one a column; a wide one's second is ""
        self.row = self.column = 0
        self.modes = set()
        self.frames = 0
        self.faults = []

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = {}

    def feed(self, text):
        at = 0
        while at < len(text):
            escape = ESCAPE.match(text, at)
            if escape:
                self.obey(*escape.groups())
                at = escape.end()
                continue
            if text[at] == "\x1b" and len(text) - at < 12 and not ESCAPE.search(text, at):
                break  # the rest of it is still to come
            self.print(text[at])
            at += 1
        return text[at:]

    def obey(self, argument, letter):
        if letter in "hl" and argument in ("?25", "?1049", "?2026"):
            if letter == "h":
                self.modes.add(argument)
            else:
                self.modes.discard(argument)
                self.frames += argument == "?2026"
        elif (argument, letter) == ("", "H"):
            self.row = self.column = 0
        elif (argument, letter) == ("", "K"):
            self.cells[self.row] = self.cells.get(self.row, [])[:self.column]
        elif (argument, letter) == ("", "J"):
            self.cells = {row: cells for row, cells in self.cells.items() if row < self.row}
        else:
            self.faults.append(f"ESC [ {argument} {letter}")

    def print(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
            if self.row >= self.rows:
                self.faults.append(f"scrolled behind {self.lines()[-1:]}")
                self.row = self.rows - 1
        elif character < " ":
            self.faults.append(f"control character {character!r}")
        else:
            width = width_of(character)
            cells = self.cells.setdefault(self.row, [])
            if self.column + width > self.columns:
                self.faults.append(f"wrapped: {''.join(cells)!r}")
                return
            cells += [" "] * (self.column - len(cells))
            if width == 0 and self.column > 0:
                cells[self.column - 1] += character
            cells[self.column:self.column + width] = [character, ""][:width]
            self.column += width

    def lines(self):
        return ["".join(self.cells.get(row, [])).rstrip() for row in range(max(self.cells, default=-1) + 1)]

    def text(self):
        return "\n".join(self.lines())


class Terminal:
    """A process in a session of its own, whose terminal is read all the time."""

    def __init__(self, site, *args, columns=80, rows=24, env=None):
        self.screen = Screen(columns, rows)
        self.status = None
        self.lock = threading.Lock()
        environment = {**site.environment, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(support.BIN, [support.BIN, *map(str, args)], environment)
            os._exit(127)
        self.before = termios.tcgetattr(self.master)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # EIO: nobody has it open any more
                return
            if not data:
                return
            with self.lock:
                rest = self.screen.feed(rest + decoder.decode(data))

    def see(self, look):
        with self.lock:
            return look(self.screen)

    def wait_for(self, *words, without=()):
        """Until a whole frame shows all of these and none of those; returns its text."""
        def shows():
            text = self.see(lambda s: "" if "?2026" in s.modes else s.text())
            return text if all(w in text for w in words) and not any(w in text for w in without) else None
        return support.wait_until(shows, lambda: f"{words} without {without} in\n{self.see(Screen.text)}")

    def wait_frames(self, more):
        start = self.see(lambda s: s.frames)
        support.wait_until(lambda: self.see(lambda s: s.frames) >= start + more, f"{more} more frames")

    def type(self, keys):
        os.write(self.master, keys.encode())

    def signal(self, number):
        os.kill(self.pid, number)

    def resize(self, columns, rows):
        """What comes meanwhile may be of either size; nobody is blamed for that."""
        self.wait_frames(1)
        with self.lock:
            self.screen.resize(columns, rows)
            faults = list(self.screen.faults)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.wait_frames(3)
        with self.lock:
            self.screen.cells = {}
            self.screen.faults = faults
        self.wait_frames(2)

    def wait_stopped(self):
        def is_stopped():
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            return pid == self.pid and os.WIFSTOPPED(status)
        support.wait_until(is_stopped, "it has stopped")

    def wait_exit(self):
        """The exit code, or minus the signal's number."""
        if self.status is None:
            def has_ended():
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                return (os.waitstatus_to_exitcode(status),) if pid else None
            (self.status,) = support.wait_until(has_ended, "it has ended")
            # What it wrote last is in the terminal's buffer, which its end doesn't empty.
            support.wait_until(lambda: not self.reader.is_alive() or not select.select([self.master], [], [], 0)[0],
                               "its last words are read")
        return self.status

    def settings(self):
        return termios.tcgetattr(self.master)

    def __enter__(self):
        return self

    def __exit__(self, kind, failure, traceback):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait_exit()
        self.reader.join(1)
        os.close(self.master)
