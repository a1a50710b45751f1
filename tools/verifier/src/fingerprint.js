// A root fingerprint as people type it: 64 hex digits, or 24 words of BIP 39's English list.

import { unhex } from "./bytes.js";
import { sha256 } from "./hash.js";
import { must, Refusal } from "./refusal.js";
import { WORDS } from "./schema.js";

/** Its 32 bytes. */
export async function readFingerprint(text) {
  const parts = text.trim().toLowerCase().split(/\s+/);
  const digits = parts.join("");
  if (/^[0-9a-f]{64}$/.test(digits)) return unhex(digits);
  must(parts.length === 24, "usage", "A fingerprint is 64 hex digits or 24 words.");
  const list = WORDS.split(" ");
  let bits = 0n;
  for (const word of parts) {
    const number = list.indexOf(word);
    if (number < 0) throw new Refusal("usage", `“${word}” is none of the words that a fingerprint has.`);
    bits = (bits << 11n) | BigInt(number);
  }
  // The last eight bits are a checksum: a word misheard is noticed.
  const bytes = unhex((bits >> 8n).toString(16).padStart(64, "0"));
  const [check] = await sha256(bytes);
  must(BigInt(check) === (bits & 0xffn), "usage", "The words do not fit together: one of them is wrong.");
  return bytes;
}
