# SPDX-License-Identifier: MIT
"""completions/spoolgate.bash, in a bash that isn't interactive and has no bash-completion."""
import datetime
import json
import subprocess

import support
from support import SiteCase

COMPLETION = support.ROOT / "completions" / "spoolgate.bash"
SCRIPT = """
set -u
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_spoolgate
printf '%s\\n' "${COMPREPLY[@]}"
"""
NO_SERVER = {"SPOOLGATE_DATABASE": "host=192.0.2.1"}  # nobody answers there, and nobody is asked


class TestCompletion(SiteCase):
    def complete(self, *words):
        """What is offered for the last of the words."""
        done = subprocess.run(["bash", "--norc", "-c", SCRIPT, "bash", COMPLETION, support.BIN, *words],
                              env={**self.site.environment, **NO_SERVER}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=support.DEADLINE, check=True,
                              cwd=self.site.folder)
        self.assertEqual(done.stderr, "")
        return sorted(line for line in done.stdout.split("\n") if line)

    def setUp(self):
        super().setUp()
        folder = self.site.folder / "manifests"
        (folder / "gates").mkdir(parents=True)
        (folder / "sinks").mkdir()
        (folder / "gates" / "fast.yaml").write_text("gate: fast\n")
        (folder / "sinks" / "ops.yaml").write_text("sink: ops\nurl: https://example.org/\nevents: [gate.done]\n")
        self.site.configure(f"manifests: {json.dumps(str(folder))}\ngates: {{slow: {{open: {{count: 3}}}}}}\n")
        for name in ("incoming/walkin", "tmp", "archive", "failed", "processing"):
            (self.site.spool / name).mkdir(parents=True)
        (self.site.spool / ".id").write_text("0193a1b2-0000-7000-8000-000000000001\n")
        (self.site.spool / "failed" / "0193a1b2-0000-7000-8000-00000000000a").mkdir()
        (self.site.spool / "processing" / "0193a1b2-0000-7000-8000-00000000000b").mkdir()
        (self.site.folder / "a.msgpack").write_bytes(b"")

    def test_words(self):
        batches = [f"0193a1b2-0000-7000-8000-00000000000{c}" for c in "ab"]
        # Each day's newest first, no more than a hundred, and none that is older than a month.
        now = datetime.datetime.now(datetime.timezone.utc)
        archived = []
        for days, numbers in ((1, range(60)), (3, range(60)), (40, range(3))):
            day = now - datetime.timedelta(days=days)
            folder = self.site.spool / "archive" / day.strftime("%Y/%m/%d")
            folder.mkdir(parents=True)
            ids = [f"{int(day.timestamp() * 1000) + n:012x}" for n in numbers]
            ids = [f"{i[:8]}-{i[8:]}-7000-8000-000000000000" for i in ids]
            for name in ids:
                (folder / name).mkdir()
            archived += {1: ids, 3: ids[20:], 40: []}[days]
        self.assertEqual(len(archived), 100)
        gates = ["default", "fast", "slow", "walkin"]
        for words, want in [
            (["sta"], ["status"]),
            (["--ver"], ["--version"]),
            (["re"], ["receipt", "reload", "retry"]),
            (["gate", ""], ["hold", "open", "release"]),
            (["gate", "h"], ["hold"]),
            (["gate", "hold", ""], gates),
            (["gate", "hold", "f"], ["fast"]),
            (["gate", "hold", "fast", ""], []),
            (["gate", "--spool", str(self.site.spool), "hold", "w"], ["walkin"]),
            (["gate", "--spool", str(self.site.folder / "none"), "hold", ""], []),
            (["gate", "--spool", "=", str(self.site.folder / "none"), "hold", ""], []),
            (["put", "--gate", ""], gates),
            (["put", "-g", "d"], ["default"]),
            (["put", "--gate", "="], gates),
            (["put", "--gate", "=", "s"], ["slow"]),
            (["put", "--zs"], ["--zstd"]),
            (["put", "--seal-every", "a"], []),
            (["put", "--seal-every", "5s", "a"], ["a.msgpack"]),
            (["put", "--zstd", "a"], ["a.msgpack"]),
            (["inspect", "--gate", "fast", "a.m"], ["a.msgpack"]),
            (["run", "--config", "sp"], ["spool", "spoolgate.yaml"]),
            (["run", "--spool", "spoo"], ["spool"]),
            (["lint", "m"], ["manifests"]),
            (["lint", "--schema", "s"], ["sink", "stream"]),
            (["sink", ""], ["disable", "enable", "list", "log", "replay", "test"]),
            (["sink", "test", ""], ["ops"]),
            (["sink", "list", ""], []),
            (["sink", "test", "ops", "--event", "gate."], ["gate.done", "gate.open"]),
            (["dlq", ""], ["drop", "list", "redrive", "show"]),
            (["dlq", "list", "--sink", ""], ["ops"]),
            (["receipt", ""], ["list", "show"]),
            (["receipt", "show", ""], sorted([*batches, *archived])),
            (["explain", ""], sorted([*batches, *archived])),
            (["retry", "--only-rejects", "0193a1b2"], batches),
            (["fail", "--why", "because", ""], batches),
            (["embed", "--again", "m"], ["missing"]),
            (["embed", "--resume", ""], ["builtin"]),
            (["search", "-m", ""], ["hybrid", "text", "vector"]),
            (["help", "con"], ["config"]),
            (["nonsense", ""], []),
            (["nonsense", "--"], []),
        ]:
            with self.subTest(words):
                self.assertEqual(self.complete(*words), want)

    def test_options_are_those_of_help(self):
        """Every option of every command, and every way to spell it."""
        for command in self.complete(""):
            if command.startswith("-") or command == "help":
                continue
            with self.subTest(command):
                lines = self.site.run(command, "--help", code=0).text.split("Options:\n")[1].splitlines()
                want = sorted(word.rstrip(",") for line in lines for word in line.split()[:2]
                              if word.startswith("-"))
                self.assertEqual(self.complete(command, "-"), want)

    def test_values_are_the_program_s(self):
        """What --help doesn't list, the file does: the program takes each of them."""
        for kind in self.complete("lint", "--schema", ""):
            self.site.run("lint", "--schema", kind, code=support.FINE)
        events = self.complete("sink", "test", "ops", "--event", "")
        sink = self.site.folder / "manifests" / "sinks" / "ops.yaml"
        sink.write_text(f"sink: ops\nurl: https://example.org/\nevents: {json.dumps(events)}\n")
        self.site.run("lint", code=support.FINE)
        away = ["--database", f"host={self.site.folder}"]
        for words in (["search", "question", "--mode"], ["apply", "--allow"], ["embed", "--again"]):
            for value in self.complete(*words, ""):
                self.site.run(*words, value, *away, code=support.UNAVAILABLE)
            self.site.run(*words, "nonsense", *away, code=support.USAGE)


if __name__ == "__main__":
    support.main()
