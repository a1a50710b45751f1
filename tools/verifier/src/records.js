// The records of an evidence file, one at a time and in their one encoding (SPEC section 12.1).

import { numberOf, textOf } from "./bytes.js";
import { must } from "./refusal.js";
import { LIMITS } from "./schema.js";

const WINDOW = 1024 * 1024;
const ARRAY_OF_2 = 0x92;
const TEXT = 0xa0;
// Head byte of `bin`, the bytes of its length, the least length that needs so many.
const BINARY = { 0xc4: [1, 0], 0xc5: [2, 256], 0xc6: [4, 65_536] };

/** Yields {kind, data}, in the memory of one record; `source` is a Blob. */
export async function* readRecords(source) {
  const bytes = new Window(source);
  while (!bytes.atEnd) {
    const [array, text] = await bytes.take(2);
    must(array === ARRAY_OF_2 && text > TEXT && text < TEXT + 32, "malformed", "no record of an evidence file");
    const kind = textOf(await bytes.take(text - TEXT));
    must(kind !== null, "malformed", "a record whose kind is no text");
    const [head] = await bytes.take(1);
    must(Object.hasOwn(BINARY, head), "malformed", `a ${kind} record without bytes`);
    const [width, least] = BINARY[head];
    const size = numberOf(await bytes.take(width));
    must(size >= least, "malformed", `a ${kind} record whose length is longer than it need be`);
    must(size <= LIMITS.evidence_record, "limit", `a ${kind} record of ${size} bytes`);
    yield { kind, data: await bytes.take(size), read: bytes.read };
  }
}

/** A file through a window of one piece. */
class Window {
  #source;
  #piece = new Uint8Array(0);
  #start = 0;
  #at = 0;

  constructor(source) {
    this.#source = source;
  }

  /** How many bytes were taken. */
  get read() {
    return this.#start + this.#at;
  }

  get atEnd() {
    return this.read >= this.#source.size;
  }

  async take(size) {
    must(size <= this.#source.size - this.read, "malformed", "a file that was cut off");
    if (this.#at + size > this.#piece.length) {
      this.#start = this.read;
      this.#at = 0;
      const end = Math.min(this.#source.size, this.#start + Math.max(size, WINDOW));
      this.#piece = new Uint8Array(await this.#source.slice(this.#start, end).arrayBuffer());
    }
    this.#at += size;
    return this.#piece.subarray(this.#at - size, this.#at);
  }
}
