# SPDX-License-Identifier: MIT
"""Generated documents, the same each time: as text, and as ready-made chunks with vectors.

    chunks = Chunks(folder, 60_000)
    chunks.segments("raw")          # a folder of segments: document and chunk frames
    chunks.binary()                 # the same chunks as rows for COPY ... (FORMAT binary)
    Documents(folder, 4_000).segments("zst")
"""
import array
import hashlib
import random
import shutil
import struct
import subprocess
import sys
import uuid

import msgpack

from data import MIB

DIMENSIONS = 384
OF_A_DOCUMENT = 50
# The fields of a row for COPY, as ours sends them.
COLUMNS = ("chunk_id", "doc_id", "section_id", "pack_id", "text", "tokens", "idx", '"window"', "overlap", "md",
           "embedding_status", "sha256", "model", "embedding")
NULL = struct.pack(">i", -1)

# Four bytes of a float each: any sign and mantissa, an exponent of a vector of length 1; no NaN, nothing to compress.
MANTISSA = int.from_bytes(struct.pack("<I", 0x807FFFFF) * DIMENSIONS, "little")
EXPONENT = int.from_bytes(struct.pack("<I", 0x3D000000) * DIMENSIONS, "little")


def make_vocabulary(chance, words=3000):
    return ["".join(chance.choices("etaoinshrdlcumwfgypbvk", k=chance.randint(2, 11))) for _ in range(words)]


class Texts:
    """Words that come as often as in a language: the nth 1/n times the first."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.vocabulary = make_vocabulary(self.chance)
        total, self.weights = 0.0, []
        for place in range(len(self.vocabulary)):
            total += 1 / (place + 1)
            self.weights.append(total)

    def sentence(self):
        return " ".join(self.chance.choices(self.vocabulary, cum_weights=self.weights, k=self.chance.randint(8, 20))) + "."

    def paragraph(self, most):
        """Of about so many bytes."""
        text = self.sentence()
        while len(text) < most:
            text += " " + self.sentence()
        return text


class Packed:
    """Frames as segments, each form made when it is first asked for."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}
        folder.mkdir()

    def frames(self):
        raise NotImplementedError

    def segments(self, form, size=16 * MIB):
        """Each of at most `size` raw bytes, and of whole documents; form: raw or zst."""
        if form not in self.made:
            path = self.folder / form
            path.mkdir()
            for number, data in enumerate(self.cut(size)):
                self.write(path / f"d{number:06d}.msgpack", data, form)
            self.made[form] = path
        return self.made[form]

    def cut(self, size):
        data = bytearray()
        for document in self.frames():
            if data and len(data) + len(document) > size:
                yield data
                data = bytearray()
            data += document
        yield data

    @staticmethod
    def write(path, data, form):
        path.write_bytes(data)
        if form == "zst":
            subprocess.run(["zstd", "-q", "-3", "--rm", path], check=True)

    def close(self):
        shutil.rmtree(self.folder)


class Chunks(Packed):
    """Documents of 50 chunks of 800 bytes and a vector."""

    def __init__(self, folder, rows):
        super().__init__(folder)
        self.rows = rows
        self.digest = None  # of the rows, as whoever loaded them first has them in the table

    def chunks(self):
        """(document, idx, text, vector as packed little-endian floats)"""
        texts = Texts(1)
        for row in range(self.rows):
            bits = int.from_bytes(texts.chance.randbytes(4 * DIMENSIONS), "little") & MANTISSA | EXPONENT
            yield row // OF_A_DOCUMENT, row % OF_A_DOCUMENT, texts.paragraph(780), bits.to_bytes(4 * DIMENSIONS, "little")

    def frames(self):
        document = bytearray()
        for number, idx, text, vector in self.chunks():
            uri = f"https://example.org/docs/{number:06d}"
            if idx == 0:
                if document:
                    yield document
                document = bytearray(msgpack.packb({"kind": "document", "uri": uri, "title": f"document {number}"}))
            document += msgpack.packb({"kind": "chunk", "uri": uri, "idx": idx, "text": text, "tokens": 200,
                                       "embedding": vector})
        yield document

    def binary(self):
        """For a column of type real[]."""
        path = self.folder / "rows"
        if not path.exists():
            with open(path, "wb") as file:
                file.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
                for row in self.chunks():
                    file.write(copy_row(*row))
                file.write(b"\xff\xff")
        return path


class Documents(Packed):
    """Markdown of some 4,000 bytes under three headings."""

    def __init__(self, folder, count):
        super().__init__(folder)
        self.count = count

    def frames(self):
        texts = Texts(2)
        for number in range(self.count):
            text = "".join(f"## {texts.sentence()}\n\n" + "".join(f"{texts.paragraph(400)}\n\n" for _ in range(3))
                           for _ in range(3))
            yield msgpack.packb({"kind": "document", "uri": f"https://example.org/texts/{number:06d}", "format": "markdown",
                                 "text": text})


# ---- rows for COPY ----

LENGTHS = array.array("I", struct.pack(">i", 4) * DIMENSIONS)
ARRAY = struct.pack(">iiiii", 1, 0, 700, DIMENSIONS, 1)  # one dimension, no NULLs, float4, how many, from 1


def real_array(vector):
    numbers = array.array("I", vector)
    if sys.byteorder == "little":
        numbers.byteswap()
    elements = array.array("I", bytes(8 * DIMENSIONS))
    elements[0::2], elements[1::2] = LENGTHS, numbers
    return ARRAY + elements.tobytes()


def field(value):
    return struct.pack(">i", len(value)) + value


def copy_row(document, idx, text, vector):
    data = text.encode()
    return b"".join((
        struct.pack(">h", len(COLUMNS)), field(row_id(document, idx)), field(row_id(document, -1)), NULL, NULL, field(data),
        field(struct.pack(">i", 200)), field(struct.pack(">i", idx)), NULL, NULL, field(b"\1{}"), field(b"complete"),
        field(hashlib.sha256(data).digest()), NULL, field(real_array(vector))))


def row_id(document, idx):
    """As version 7: in order, as ours are."""
    return uuid.UUID(int=(0x0195_4F7A_1000_7000_8000 << 48) + (document << 16) + idx + 1).bytes
