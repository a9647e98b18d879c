// SPDX-License-Identifier: MIT
// A producer in Node without a package: writes a segment of COUNT metrics into the spool, and prints its path.
//
//     node segment.mjs /var/spool/spoolgate 1000
//
// Copy `encode` and `Segment`, or import them. Where @msgpack/msgpack is at hand, its encode() does as well.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";

// ---- msgpack ----

function head(type, size, number) {
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = type;
  if (size === 8) bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(number)), 1);
  else if (size > 0) bytes.writeUIntBE(Number(BigInt.asUintN(size * 8, BigInt(number))), 1, size);
  return bytes;
}

// A length: `few` of them fit into the type's own byte; else `types` for 1 (0: none), 2 and 4 bytes.
function length(n, few, short, types) {
  if (n < few) return head(short | n, 0);
  if (types[0] && n < 2 ** 8) return head(types[0], 1, n);
  return n < 2 ** 16 ? head(types[1], 2, n) : head(types[2], 4, n);
}

function integer(n) {
  if (n >= -32 && n < 128) return head(Number(n) & 0xff, 0);
  if (n >= -(2 ** 31) && n < 2 ** 31) return head(0xd2, 4, n);
  if (n < -(2n ** 63n) || n >= 2n ** 64n) throw new RangeError(`${n} doesn't fit into 64 bits`);
  return n < 0 ? head(0xd3, 8, n) : head(0xcf, 8, n);
}

function double(n) {
  const bytes = head(0xcb, 8, 0);
  bytes.writeDoubleBE(n, 1);
  return bytes;
}

// ext -1 with nanoseconds and seconds, as msgpack has timestamps
function timestamp(date) {
  const ms = date.getTime();
  const bytes = Buffer.concat([Buffer.from([0xc7, 12, 0xff]), Buffer.alloc(12)]);
  const seconds = Math.floor(ms / 1000);
  bytes.writeUInt32BE((ms - seconds * 1000) * 1e6, 3);
  bytes.writeBigInt64BE(BigInt(seconds), 7);
  return bytes;
}

export function encode(value) {
  if (value === null || value === undefined) return head(0xc0, 0);
  if (typeof value === "boolean") return head(value ? 0xc3 : 0xc2, 0);
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return integer(value);
  if (typeof value === "number") return double(value);
  if (typeof value === "string") {
    const text = Buffer.from(value, "utf8");
    return Buffer.concat([length(text.length, 32, 0xa0, [0xd9, 0xda, 0xdb]), text]);
  }
  if (value instanceof Date) return timestamp(value);
  if (value instanceof Uint8Array) return Buffer.concat([length(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), value]);
  if (Array.isArray(value)) return Buffer.concat([length(value.length, 16, 0x90, [0, 0xdc, 0xdd]), ...value.map(encode)]);
  if (typeof value !== "object") throw new TypeError(`a ${typeof value} can't be encoded`);
  const pairs = Object.entries(value).filter(([, v]) => v !== undefined);
  return Buffer.concat([length(pairs.length, 16, 0x80, [0, 0xde, 0xdf]), ...pairs.flat().map(encode)]);
}

// ---- the protocol ----

// const s = new Segment(spool); try { s.add({kind: …}); s.publish(); } finally { s.close(); }
export class Segment {
  constructor(spool, gate = "") {
    // The time makes names sort, the random number makes them differ between processes and hosts.
    const name = `node-${Date.now()}-${randomBytes(8).toString("hex")}.msgpack`;
    this.folder = path.join(spool, "incoming", gate);
    this.path = path.join(this.folder, name);
    this.draft = path.join(spool, "tmp", `.${name}.tmp`);
    this.frames = 0;
    this.fd = fs.openSync(this.draft, "wx", 0o640);
  }

  add(frame) {
    this.#write(encode(frame));
    this.frames++;
  }

  publish() {
    this.#write(encode({ kind: "seal", frames: this.frames })); // proves that nothing is missing
    fs.fsyncSync(this.fd);
    fs.renameSync(this.draft, this.path);
    this.draft = null;
    const folder = fs.openSync(this.folder, "r");
    try {
      fs.fsyncSync(folder); // an error here: the segment is there, but a power cut could take it back
    } finally {
      fs.closeSync(folder);
    }
  }

  // Not published, it leaves nothing behind.
  close() {
    fs.closeSync(this.fd);
    if (this.draft) fs.unlinkSync(this.draft);
  }

  #write(bytes) {
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.fd, bytes, at);
  }
}

// ---- what this producer sends ----

function main([spool, count, ...more]) {
  if (!(count >= 0) || more.length > 0) {
    console.error("usage: node segment.mjs SPOOL COUNT");
    process.exit(64);
  }
  const segment = new Segment(spool);
  try {
    for (let i = 0; i < count; i++)
      segment.add({ kind: "metric", ts: new Date(), source: os.hostname(), name: "recipe", value: i / 2 });
    segment.publish();
  } finally {
    segment.close();
  }
  console.log(segment.path);
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) main(process.argv.slice(2));
