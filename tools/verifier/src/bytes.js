// Bytes: joining, comparing, numbers in them. All numbers are big-endian (SPEC section 2).

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8. */
export function utf8(text) {
  return encoder.encode(text);
}

/** The text, or null where the bytes are not UTF-8. */
export function textOf(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** Parts, one after the other. */
export function join(...parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** -1, 0 or 1 by the bytes' order, a prefix first. */
export function compare(left, right) {
  const least = Math.min(left.length, right.length);
  for (let at = 0; at < least; at++) {
    if (left[at] !== right[at]) return left[at] < right[at] ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

/** Nothing here is secret from whoever holds the file, so time need not be constant. */
export function same(left, right) {
  return left.length === right.length && compare(left, right) === 0;
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex; also the key under which bytes stand in a Map. */
export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

/** From hex that was checked. */
export function unhex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** A number of `size` bytes; exact for any value, so a u64 is a BigInt where it has to be. */
export function uint(value, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(value);
  for (let at = size - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The number that bytes hold: a Number where that is exact, else a BigInt, so that === compares values. */
export function numberOf(bytes) {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return exact(value);
}

/** See `numberOf`. */
export function exact(value) {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Text with its length in one byte before it. */
export function prefixed(text) {
  const bytes = utf8(text);
  return join(uint(bytes.length, 1), bytes);
}
