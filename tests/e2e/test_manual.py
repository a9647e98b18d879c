# SPDX-License-Identifier: MIT
"""The examples of the manual pages in man/: they do what is said of them."""
import re
import subprocess
import sys

import support
from support import SiteCase


def examples(page):
    """The literal blocks of a page, as they are read."""
    source = (support.ROOT / "man" / page).read_text()
    for block in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", source, re.M | re.S):
        for escape, character in (("\\&", ""), ("\\-", "-"), ("\\(aq", "'"), ("\\e", "\\")):
            block = block.replace(escape, character)
        yield block


def first_word(text):
    return re.match(r"\S*", text)[0].rstrip(":")


class TestManual(SiteCase):
    def test_segment_in_python(self):
        script, = (e for e in examples("spoolgate-frames.7") if first_word(e) == "import")
        self.site.run("migrate", code=support.FINE)
        self.site.run("drain", code=support.FINE)  # makes the spool
        subprocess.run([sys.executable, "-c", script], cwd=self.site.folder, check=True)
        self.site.run("drain", "--force", "--strict", code=support.FINE)
        self.assertEqual(self.site.query("SELECT source, name, value FROM metrics"), [("host1", "cpu.user", 2.25)])

    def test_manifests(self):
        """All of them together, as one set."""
        folder = self.site.folder / "manifests"
        kinds = set()
        for example in examples("spoolgate-manifests.5"):
            kind = first_word(example)
            kinds.add(kind)
            (folder / f"{kind}s").mkdir(parents=True)
            (folder / f"{kind}s" / "example.yaml").write_text(example)
        self.assertEqual(kinds, {"stream", "gate", "sink", "embedder"})
        done = self.site.run("lint", folder, code=support.FINE)
        self.assertNotIn("warning", done.text)

    def test_configuration(self):
        (self.site.folder / "manifests" / "streams").mkdir(parents=True)
        lint = ["lint", "--manifests", self.site.folder / "manifests"]  # reads the configuration, too
        found = list(examples("spoolgate.yaml.5"))
        self.assertEqual(len(found), 2)
        for example in found:
            with self.subTest(example):
                self.site.configure(example)
                self.site.run(*lint, code=support.FINE)
        self.site.configure(found[0].replace("level", "levl"))
        self.site.run(*lint, code=support.CONFIG)


if __name__ == "__main__":
    support.main()
