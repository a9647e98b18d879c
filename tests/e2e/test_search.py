#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""search, and migrate's --embedding: what is found, how it is shown, and what is refused."""
import unicodedata

from knowledge import KnowledgeCase, document
from support import CONFIG, FINE, UNAVAILABLE, USAGE, main

TEXTS = {
    "file:///fruit": ("Fruit", "Apples and pears; an apple a day keeps the doctor away."),
    "file:///roots": ("Roots", "Carrots grow in the ground, not on an apple tree."),
    "file:///ships": ("Zeppelins", "They fly over the Bodensee\u3000with \x1b[31mpears\x1b[0m."),
}


class SearchCase(KnowledgeCase):
    DIMENSIONS = 384
    PACK = "11111111-1111-4111-8111-111111111111"

    def setUp(self):
        super().setUp()
        self.drop(*(document(uri, text, title=title, **({"pack_id": self.PACK} if title == "Roots" else {}))
                    for uri, (title, text) in TEXTS.items()))
        self.embed()

    def found(self, question, *args, code=FINE):
        result = self.site.run("search", "--json", *args, "--", question, code=code).json()
        return [hit["uri"].removeprefix("file:///") for hit in result["hits"]]


class TestSearch(SearchCase):
    def test_finds(self):
        for args, question, want in (
                (("--mode", "text"), "an apple", ["fruit", "roots"]),
                (("--mode", "text"), "zeppelins", ["ships"]),
                (("--mode", "text", "-k", "1"), "apple", ["fruit"]),
                (("--mode", "text", "--pack", self.PACK), "apple", ["roots"]),
                (("--mode", "vector", "-k", "1"), TEXTS["file:///roots"][1], ["roots"]),
                (("-k", "1"), "carrots", ["roots"]),
                (("--mode", "text"), "the of and", []),
                (("--mode", "text"), "'; DROP TABLE x; -- \\ & | ! <-> (", [])):
            with self.subTest(args=args, question=question):
                self.assertEqual(self.found(question, *args), want)

    def test_json(self):
        result = self.site.run("search", "--json", "carrots", "ground", code=FINE).json()
        self.assertEqual((result["question"], result["mode"]), ("carrots ground", "hybrid"))
        hit = result["hits"][0]
        self.assertEqual(list(hit), ["chunk_id", "doc_id", "section_id", "uri", "title", "heading", "text", "md", "score",
                                     "text_rank", "vector_rank"])
        self.assertEqual((hit["title"], hit["text"], hit["text_rank"]), ("Roots", TEXTS["file:///roots"][1], 1))

    def test_table(self):
        lines = self.site.run("search", "pears", code=FINE).text.splitlines()
        self.assertEqual(lines[0].split(), ["SCORE", "TITLE", "HEADING", "TEXT"])
        self.assertTrue(any("Fruit" in line and "pears" in line for line in lines), lines)
        self.assertIn("        file:///fruit, lines 1 to 1", lines)
        self.assertNotIn("\x1b", "".join(lines))
        self.assertLessEqual(max(map(len, lines)), 120)
        self.assertEqual(self.site.run("search", "--mode", "text", "xylophone", code=FINE).text,
                         "Nothing is found.\n")

    def test_columns_of_wide_characters(self):
        """Each takes two columns, combining ones none, and what is cut off doesn't shift the next column, either."""
        titles = ("果物の本", "果" * 40, "e\u0301" * 20, "Plain", "x" * 40)
        self.drop(*(document(f"file:///{n}", "a quince", title=title) for n, title in enumerate(titles)))
        self.embed()

        def columns(text):
            return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

        for locale in ("C", "C.UTF-8"):
            lines = self.site.run("search", "--mode", "text", "quince", code=FINE,
                                  env={"LC_ALL": locale}).out.decode().splitlines()
            rows = [line for line in lines if line.endswith("quince")]
            self.assertEqual(len(rows), len(titles))
            self.assertEqual({columns(row[:row.index("a quince")]) for row in rows}, {lines[0].index("TEXT")}, lines)

    def test_usage(self):
        for args in ((), ("",), ("-k", "0", "a"), ("-k", "1001", "a"), ("-k", "x", "a"), ("--mode", "best", "a"),
                     ("--pack", "p", "a"), (b"\xff",)):
            with self.subTest(args=args):
                self.site.run("search", *args, code=USAGE)

    def test_off(self):
        self.site.configure("knowledge: {enabled: false}\n")
        self.assertIn("knowledge.enabled", self.site.run("search", "a", code=CONFIG).err.decode())

    def test_an_embedder_that_is_not_there(self):
        self.declare(model="spoolgate-lexical-1", url="http://127.0.0.1:9/v1/embeddings")
        result = self.site.run("search", "--json", "apple", code=FINE)
        self.assertIn("searched by words alone", result.err.decode())
        self.assertEqual([hit["title"] for hit in result.json()["hits"]], ["Fruit", "Roots"])
        self.site.run("search", "--mode", "vector", "apple", code=UNAVAILABLE)

    def test_an_embedder_of_another_model(self):
        self.declare(model="other", dimensions=384)
        self.assertIn("spoolgate-lexical-1", self.site.run("search", "apple", code=CONFIG).err.decode())
        self.declare(model="other", dimensions=8)
        self.assertIn("384", self.site.run("search", "apple", code=CONFIG).err.decode())
        self.site.run("search", "--mode", "text", "apple", code=FINE)


class TestMigrate(SearchCase):
    def test_its_steps_are_told_apart(self):
        self.site.query("DROP SCHEMA pmoves_kb CASCADE")
        self.assertIn("\nknowledge 001_", self.site.run("migrate", code=FINE).text)

    def test_another_length(self):
        refused = self.site.run("migrate", "--embedding", "real:16", code=CONFIG).err.decode()
        self.assertIn("--embedding real:16 --discard-vectors", refused)
        self.site.run("migrate", "--embedding", "real:16", "--discard-vectors", "--dry-run", code=FINE)
        self.assertEqual(self.site.value("SELECT count(embedding) FROM pmoves_kb.chunks"), 3)
        said = self.site.run("migrate", "--embedding", "real:16", "--discard-vectors", code=FINE).text
        self.assertIn("spoolgate embed --again missing", said)
        self.assertEqual(self.site.value("SELECT count(embedding) FROM pmoves_kb.chunks"), 0)
        self.assertEqual(self.found("zeppelins", "--mode", "text"), ["ships"])

    def test_what_is_not_adopted(self):
        self.site.query("DROP SCHEMA pmoves_kb CASCADE; CREATE SCHEMA pmoves_kb;"
                        "CREATE TABLE pmoves_kb.chunks (chunk_id uuid PRIMARY KEY, tokens bigint, md json)")
        self.assertIn("and 1 more", self.site.run("migrate", code=CONFIG).err.decode())
        dry = self.site.run("migrate", "--dry-run", code=CONFIG).text
        for help_ in ("ALTER COLUMN tokens TYPE integer", "ALTER COLUMN md TYPE jsonb"):
            self.assertIn(help_, dry)

    def test_usage(self):
        self.site.run("migrate", "--embedding", "text:3", code=USAGE)
        self.site.configure("knowledge: {enabled: false}\n")
        self.site.run("migrate", "--embedding", "real:3", code=CONFIG)


if __name__ == "__main__":
    main()
