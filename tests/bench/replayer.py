#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Loads a folder of segments with psycopg 3 and msgpack: what people write today, written well.

One COPY and one transaction a segment, straight from the unpacker, no list in between; jsonb is dumped
without blanks; for the binary form psycopg is told the types, so that it dumps without asking.
"""
import argparse
import functools
import json
import pathlib
import uuid

import msgpack
import psycopg
import zstandard
from psycopg.types.json import Jsonb, set_json_dumps

COLUMNS = {"metrics": ("ts", "source", "name", "value", "labels"),
           "events": ("ts", "source", "type", "id", "payload")}
TYPES = {"metrics": ("timestamptz", "text", "text", "float8", "jsonb", "uuid"),
         "events": ("timestamptz", "text", "text", "text", "jsonb", "uuid")}


def frames(path):
    with open(path, "rb") as file:
        source = zstandard.ZstdDecompressor().stream_reader(file) if path.suffix == ".zst" else file
        yield from msgpack.Unpacker(source, timestamp=3)


def load(connection, table, form, path):
    columns = COLUMNS[table]
    batch = uuid.uuid4()
    sql = f"COPY {table} ({', '.join(columns)}, batch_id) FROM STDIN (FORMAT {form})"
    with connection.transaction(), connection.cursor() as cursor, cursor.copy(sql) as copy:
        if form == "binary":
            copy.set_types(TYPES[table])
        a, b, c, d, e = columns
        write = copy.write_row
        for f in frames(path):
            write((f[a], f[b], f[c], f[d], Jsonb(f[e]), batch))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--format", choices=("text", "binary"), required=True)
    parser.add_argument("--table", choices=tuple(COLUMNS), required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    set_json_dumps(functools.partial(json.dumps, separators=(",", ":"), ensure_ascii=False))
    with psycopg.connect(args.database, autocommit=True) as connection:
        for path in sorted(args.folder.iterdir()):
            load(connection, args.table, args.format, path)


if __name__ == "__main__":
    main()
