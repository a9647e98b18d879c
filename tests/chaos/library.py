# SPDX-License-Identifier: MIT
"""A feed of documents beside metrics and events, and what must be served of them.

    library = Library(site)
    library.batch()                 # one document of every sort
    library.any(run.random)         # a segment of changes
    ...
    state = library.documents[uri].versions[-1]

The model knows nothing of the program: a document is what its last version said. A version is either RETIRED, or
(headings, text), or (headings, chunks) where its producer brings them ready-made: ((idx, heading, text), ...).
The next version is sent when the one before has landed: chunks that
join a document come in no order otherwise.
"""
import hashlib
import itertools
import random as randomness

import psycopg

from feed import Feed, Segment
from support import msgpack, pack
from trouble import BAD, DIMENSIONS, vector

RETIRED = "retired"
WORDS = ("spool gate batch frame größer naïve 数据 検索。 שלום cafe\u0301 👩‍👩‍👧 receipt ledger the of and when it "
         "shelf letter morning river paper clock").split()


class Document:
    def __init__(self, uri, is_ready):
        self.uri, self.is_ready = uri, is_ready
        self.versions = []
        self.carrier = None    # the segment that brings the last version
        self.parts = []        # of one that is split: [heading, [paragraph, ...]], ...
        self.sections = {}     # of a ready one: idx -> heading
        self.chunks = {}       # idx -> (section's idx, text)
        self.given = {}        # text -> the vector that came with it
        self.last_frame = None

    @property
    def is_retired(self):
        return self.versions[-1] == RETIRED

    def state(self):
        headings = tuple(self.sections[idx] for idx in sorted(self.sections))
        if self.is_ready:
            return (headings, tuple((idx, self.sections.get(section), text)
                                    for idx, (section, text) in sorted(self.chunks.items())))
        return (tuple(heading for heading, _ in self.parts if heading), self.text())

    def text(self):
        return "".join((f"## {heading}\n\n" if heading else "") + "".join(f"{p}\n\n" for p in paragraphs)
                       for heading, paragraphs in self.parts)


class Library(Feed):
    def __init__(self, site, random=None, most=50, dimensions=DIMENSIONS):
        super().__init__(site)
        self.random = random or randomness.Random(7)
        self.most, self.dimensions = most, dimensions
        self.document_numbers = itertools.count()
        self.documents = {}
        self.bad_share = 0.02  # of paragraphs: with a word that no embedder takes
        self.ready_numbers = itertools.count()  # every second one brings its vectors

    # -- texts --

    def paragraph(self, doc):
        """Unlike any other, so that a chunk's text says whose it is."""
        words = self.random.choices(WORDS, k=self.random.randint(5, 40))
        if self.random.random() < self.bad_share:
            words.insert(self.random.randrange(len(words)), BAD)
        return f"{doc.uri[-4:]}/{next(self.numbers)} {' '.join(words)}."

    def paragraphs(self, doc, most=6):
        return [self.paragraph(doc) for _ in range(self.random.randint(1, most))]

    # -- versions --

    def begin(self, is_ready, is_empty=False):
        doc = Document(f"https://example.org/{next(self.document_numbers):04d}", is_ready)
        frames = [{"kind": "asset", "uri": doc.uri, "type": "html", "meta": {"n": next(self.numbers)}}]
        if self.random.random() < 0.5:
            frames = []  # the document's frame is the first that is heard of it
        return doc, frames + self.rewrite(doc, is_empty)

    def rewrite(self, doc, is_empty=False):
        """All of it anew: a document frame, and where it is ready-made its sections and chunks."""
        head = {"kind": "document", "uri": doc.uri, "title": f"title {next(self.numbers)}"}
        if not doc.is_ready:
            doc.parts = [[f"part {i}" if i or self.random.random() < 0.5 else None, self.paragraphs(doc)]
                         for i in range(0 if is_empty else self.random.randint(1, 3))]
            return self.say_text(doc, head)
        doc.sections = {idx: f"section {next(self.numbers)}" for idx in range(self.random.randint(1, 3))}
        doc.chunks, doc.given = {}, {}
        has_vectors = next(self.ready_numbers) % 2 == 0
        frames = [head, *({"kind": "section", "uri": doc.uri, "idx": idx, "heading": heading}
                          for idx, heading in doc.sections.items())]
        for idx in range(self.random.randint(1, 8)):
            frames.append(self.chunk(doc, idx, has_vectors))
        return frames

    def say_text(self, doc, head):
        doc.last_frame = {**head, "format": "markdown", "text": doc.text()}
        return [doc.last_frame]

    def chunk(self, doc, idx, has_vector):
        section, text = self.random.choice(list(doc.sections)), self.paragraph(doc)
        doc.chunks[idx] = section, text
        frame = {"kind": "chunk", "uri": doc.uri, "idx": idx, "section": section, "text": text}
        if has_vector:
            doc.given[text] = vector(f"given {text}", self.dimensions)
            frame["embedding"] = doc.given[text]
        return frame

    def edit(self, doc):
        """Some paragraphs are another, gone or new; chunks join, or replace one."""
        if doc.is_ready:
            return [self.chunk(doc, idx, False) for idx in sorted(
                {self.random.randint(0, len(doc.chunks)) for _ in range(self.random.randint(1, 3))})]
        if not doc.parts:
            return self.rewrite(doc)
        part = self.random.choice(doc.parts)
        at = self.random.randrange(len(part[1]))
        part[1][at:at + self.random.randint(0, 1)] = self.paragraphs(doc, 2)
        return self.say_text(doc, {"kind": "document", "uri": doc.uri, "title": "changed"})

    def retire(self, doc):
        return [self.numbered({"kind": "document", "uri": doc.uri, "deleted": True})]

    def numbered(self, frame):
        """With a number that nobody looks at: a segment that says again, byte for byte, what another said before would be
        a duplicate, and skipped."""
        return {**frame, "nr": next(self.numbers)}

    # -- segments --

    def send(self, frames, changed=(), skipped=0, bad=0):
        """A segment of these frames, metrics between them; `bad`: chunks of documents that nobody knows."""
        name = self.name(".msgpack")
        for doc in changed:
            doc.carrier = name
        packed = [msgpack.packb(f) for f in frames]
        for _ in range(self.random.randint(0, 3)):
            identity, frame = self.frame()
            self.rows[identity] += 1
            packed.insert(self.random.randint(0, len(packed)), msgpack.packb(frame))
        for _ in range(bad):
            frame = {"kind": "chunk", "uri": f"https://example.org/unknown/{next(self.numbers)}", "idx": 0, "text": "lost"}
            self.rejects[name, len(packed)] = msgpack.packb(frame)
            packed.append(msgpack.packb(frame))
        data = pack(*packed)
        return self.put(Segment(name, data, "", "archive", hashlib.sha256(data).hexdigest(), len(packed), bad,
                                apart=len(frames) - skipped, skipped=skipped))

    def change(self, doc, frames):
        doc.versions.append(RETIRED if frames[-1].get("deleted") else doc.state())
        self.documents[doc.uri] = doc
        return frames

    def step(self):
        """A segment that changes a few documents whose last change has landed. Something true, as Producer wants."""
        random = self.random
        landed = self.landed()
        idle = [doc for doc in self.documents.values() if doc.carrier in landed]
        if len(self.documents) < self.most and random.random() < 0.5:
            doc, frames = self.begin(random.random() < 0.5, random.random() < 0.05)
            return self.send(self.change(doc, frames), [doc])
        if not idle:
            return True
        frames, changed, skipped = [], random.sample(idle, min(len(idle), random.randint(1, 3))), 0
        for doc in changed:
            what = random.random()
            if doc.is_retired or what < 0.15:
                frames += self.change(doc, self.rewrite(doc))
            elif what < 0.25:
                frames += self.change(doc, self.retire(doc))
            elif what < 0.35 and not doc.is_ready:
                frames.append(self.numbered(doc.last_frame))
                skipped += 1
            else:
                frames += self.change(doc, self.edit(doc))
        return self.send(frames, changed, skipped, bad=random.random() < 0.05)

    def landed(self):
        try:
            return {name for name, in self.site.query("SELECT name FROM ingestion_segment")}
        except psycopg.OperationalError:
            return set()

    def batch(self):
        """Of every sort: split, empty, ready-made with and without vectors; with metrics and a reject."""
        split, first = self.begin(False)
        empty, second = self.begin(False, True)
        ready, third = self.begin(True)
        self.send(self.change(split, first) + self.change(empty, second), [split, empty])
        other, fourth = self.begin(True)
        self.send(self.change(ready, third) + self.change(other, fourth), [ready, other], bad=1)
        return self
