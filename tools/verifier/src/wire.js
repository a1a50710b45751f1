// Protobuf with one encoding: checked on the wire while it is read (SPEC sections 4.1, 10, 11.1).

import { exact, textOf } from "./bytes.js";
import { must, Refusal } from "./refusal.js";
import { ENUMS, LIMITS, MESSAGES } from "./schema.js";

const VARINT = 0;
const BYTES = 2;
const MOST = { uint32: 2n ** 32n - 1n, uint64: 2n ** 64n - 1n, bool: 1n, enum: 2n ** 31n - 1n };

/** A message of a body that has one encoding; a field that is absent has its default, a list none. */
export function decode(name, bytes) {
  const fields = MESSAGES[name];
  const reader = new Reader(bytes);
  const found = {};
  const count = {};
  for (const field of Object.values(fields)) found[field.name] = initial(field);
  let last = 0;
  while (reader.left > 0) {
    const tag = reader.varint();
    const number = Number(tag >> 3n);
    const field = fields[number];
    must(field !== undefined, "malformed", `${name}: an unknown field`);
    must(number >= last, "malformed", `${name}: fields out of order`);
    const packed = field.repeated && field.type in MOST;
    const kind = field.type in MOST && !packed ? VARINT : BYTES;
    must(Number(tag & 7n) === kind, "malformed", `${name}.${field.name}: another wire type`);
    const before = count[field.name] ?? 0;
    // A list may go on; a packed one stands once.
    must(before === 0 || (field.repeated && !packed && field.most > 1), "malformed", `${name}.${field.name} twice`);
    last = number;
    if (packed) {
      found[field.name] = numbers(name, field, reader.bytes());
      count[field.name] = found[field.name].length;
      continue;
    }
    count[field.name] = before + 1;
    must(count[field.name] <= field.most, "limit", `${name}.${field.name}: more than ${field.most}`);
    const value = kind === VARINT ? scalar(name, field, reader.varint()) : sized(name, field, reader.bytes());
    if (field.repeated) found[field.name].push(value);
    else found[field.name] = value;
  }
  for (const field of Object.values(fields)) {
    must((count[field.name] ?? 0) >= field.least, "malformed", `${name}.${field.name} is missing`);
  }
  return found;
}

function initial(field) {
  if (field.repeated) return [];
  if (field.type === "string") return "";
  if (field.type === "bytes") return new Uint8Array(0);
  if (field.type === "bool") return false;
  return field.type in MOST ? 0 : null;
}

function numbers(name, field, bytes) {
  must(bytes.length > 0, "malformed", `${name}.${field.name}: an empty list`);
  const reader = new Reader(bytes);
  const values = [];
  while (reader.left > 0) {
    must(values.length < field.most, "limit", `${name}.${field.name}: more than ${field.most}`);
    values.push(bounded(name, field, reader.varint()));
  }
  return values;
}

function scalar(name, field, value) {
  // A default is left out, never written.
  must(value !== 0n, "malformed", `${name}.${field.name}: its default`);
  if (field.type === "bool") {
    must(value === 1n, "malformed", `${name}.${field.name}: no bool`);
    return true;
  }
  return bounded(name, field, value);
}

function bounded(name, field, value) {
  must(value <= MOST[field.type], "malformed", `${name}.${field.name}: not within its type`);
  if (field.type === "enum") {
    must(ENUMS[field.of][value] !== undefined, "malformed", `${name}.${field.name}: an unknown value`);
  }
  must(field.high === null || value <= BigInt(field.high), "limit", `${name}.${field.name}: ${value}`);
  must(value >= BigInt(field.low), "malformed", `${name}.${field.name}: ${value}`);
  return exact(value);
}

function sized(name, field, bytes) {
  const high = field.high === null ? LIMITS.evidence_record : Number(field.high);
  must(bytes.length <= high, "limit", `${name}.${field.name}: ${bytes.length} bytes`);
  must(bytes.length >= Number(field.low), "malformed", `${name}.${field.name}: ${bytes.length} bytes`);
  if (field.type === "bytes") return bytes;
  if (field.type === "message") return decode(field.of, bytes);
  const text = textOf(bytes);
  must(text !== null, "malformed", `${name}.${field.name}: not UTF-8`);
  must(!field.form || FORMS[field.form].test(text), "malformed", `${name}.${field.name}: no ${field.form}`);
  return text;
}

// 4.1, last paragraph but one.
const FORMS = {
  id: /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
  witness: /^[a-z0-9]([a-z0-9./-]*[a-z0-9])?$/,
  country: /^[A-Z]{2}$/,
};

/** Varints and lengths, no byte beyond the end. */
class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length - this.#at;
  }

  varint() {
    let value = 0n;
    for (let place = 0n; place < 10n; place++) {
      must(this.left > 0, "malformed", "a number that is cut short");
      const byte = this.#bytes[this.#at++];
      value |= BigInt(byte & 0x7f) << (7n * place);
      if (byte < 0x80) {
        must(byte !== 0 || place === 0n, "malformed", "a number that is longer than it need be");
        must(value < 2n ** 64n, "malformed", "a number above 64 bits");
        return value;
      }
    }
    throw new Refusal("malformed", "a number above 64 bits");
  }

  bytes() {
    const size = this.varint();
    must(size <= BigInt(this.left), "malformed", "a field that is cut short");
    this.#at += Number(size);
    return this.#bytes.subarray(this.#at - Number(size), this.#at);
  }
}
