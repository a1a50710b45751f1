// Signed notes and the checkpoints in them (SPEC section 9.3; C2SP signed-note, tlog-checkpoint).

import { hex, join, textOf, uint, utf8 } from "./bytes.js";
import { sha256 } from "./hash.js";
import { must, Refusal } from "./refusal.js";
import { LIMITS } from "./schema.js";

/** Types of lines. */
export const LOG_ED25519 = 1;
export const COSIGNED_ED25519 = 4;
export const COSIGNED_ML_DSA_44 = 6;

const NO_NAME = /[+ \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The text, what is claimed in it, and the lines; no signature is looked at. */
export function parseNote(raw) {
  must(raw.length <= LIMITS.note, "limit", `a note of ${raw.length} bytes`);
  const whole = textOf(raw);
  must(whole !== null && !CONTROL.test(whole), "malformed", "a note that is not plain UTF-8");
  const end = whole.lastIndexOf("\n\n");
  must(end >= 0 && whole.endsWith("\n"), "malformed", "a note without text or lines");
  const rows = whole.slice(end + 2).split("\n").slice(0, -1);
  must(rows.length > 0, "malformed", "a note without lines");
  must(rows.length <= LIMITS.note_signatures, "limit", `a note of ${rows.length} lines`);
  return { text: whole.slice(0, end + 1), lines: rows.map(parseLine) };
}

function parseLine(row) {
  const parts = row.split(" ");
  must(parts.length === 3 && parts[0] === "\u2014", "malformed", "another form than a note's line");
  const value = base64(parts[2]);
  must(isName(parts[1]), "malformed", "a line without a name");
  must(value.length > 4, "malformed", "a line without a value");
  return { name: parts[1], hash: hex(value.subarray(0, 4)), value: value.subarray(4) };
}

function isName(name) {
  return name !== "" && !NO_NAME.test(name);
}

function base64(text) {
  must(BASE64.test(text), "malformed", "not base64");
  const decoded = atob(text);
  // Bits that base64 leaves unused are zero, or this is another text than one writes.
  must(btoa(decoded) === text, "malformed", "base64 that does not encode to itself");
  return Uint8Array.from(decoded, (char) => char.charCodeAt(0));
}

/** A note whose text is a checkpoint's. */
export function parseCheckpoint(raw) {
  const { text, lines } = parseNote(raw);
  const parts = text.split("\n");
  must(parts.length === 4 && parts[3] === "", "malformed", "a checkpoint of other than three lines");
  const [origin, decimal, encoded] = parts;
  must(isName(origin), "malformed", "a checkpoint without an origin");
  must(/^(0|[1-9][0-9]*)$/.test(decimal), "malformed", "a tree size that is no number");
  const large = decimal.length > 20 ? 2n ** 64n : BigInt(decimal);
  must(large <= BigInt(LIMITS.tree_size), "limit", `a tree of ${decimal} entries`);
  const root = base64(encoded);
  must(root.length === LIMITS.hash, "malformed", "a root of another length");
  const size = large <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(large) : large;
  return { text, lines, origin, size, root };
}

/** The lines of a name and key; others are ignored. */
export async function linesOf(checkpoint, name, type, publicKey) {
  const digest = await sha256(utf8(`${name}\n`), uint(type, 1), publicKey);
  const hash = hex(digest.subarray(0, 4));
  return checkpoint.lines.filter((line) => line.name === name && line.hash === hash);
}

/** Origin of a network's log. */
export function originOf(networkId) {
  return `mce1/${hex(networkId)}`;
}

/** The log's word: its Ed25519 line, once, and it holds. */
export async function verifyLogLine(checkpoint, origin, key, verifier) {
  must(checkpoint.origin === origin, "context", "a note of another log");
  const lines = await linesOf(checkpoint, origin, LOG_ED25519, key.ed25519);
  must(lines.length === 1, "log", "not one Ed25519 line of the log");
  const value = sized(lines[0], LIMITS.ed25519_signature);
  const held = await verifier.verify("Ed25519", key.ed25519, value, utf8(checkpoint.text));
  must(held, "log", "the log's Ed25519 line does not hold");
}

/** The time of a witness's Ed25519 line that holds. */
export async function verifyCosignature(checkpoint, key, line, verifier) {
  const [time, signature] = timed(line, LIMITS.ed25519_signature);
  const text = utf8(`cosignature/v1\ntime ${time}\n${checkpoint.text}`);
  must(await verifier.verify("Ed25519", key, signature, text), "log", `${line.name}: its Ed25519 line does not hold`);
  return time;
}

/** The time of an ML-DSA-44 line, the log's or a witness's, that holds. */
export async function verifyMlDsa44(checkpoint, key, line, verifier) {
  const [time, signature] = timed(line, LIMITS.ml_dsa_44_signature);
  const name = utf8(line.name);
  const origin = utf8(checkpoint.origin);
  const cosigned = join(
    utf8("subtree/v1\n\0"),
    uint(name.length, 1),
    name,
    uint(time, 8),
    uint(origin.length, 1),
    origin,
    uint(0, 8),
    uint(checkpoint.size, 8),
    checkpoint.root,
  );
  const held = await verifier.verify("ML-DSA-44", key, signature, cosigned);
  must(held, "log", `${line.name}: its ML-DSA-44 line does not hold`);
  return time;
}

function timed(line, size) {
  const value = sized(line, 8 + size);
  let time = 0n;
  for (const byte of value.subarray(0, 8)) time = (time << 8n) | BigInt(byte);
  must(time > 0n && time < 2n ** 63n, "log", `${line.name}: no time`);
  return [time, value.subarray(8)];
}

function sized(line, size) {
  if (line.value.length !== size) throw new Refusal("log", `${line.name}: a line of another length`);
  return line.value;
}
