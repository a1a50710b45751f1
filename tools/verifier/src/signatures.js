// Signatures and keys: what this browser can verify, and what it cannot (SPEC section 3).

import { hex, join, same, utf8 } from "./bytes.js";
import { isAdmissible } from "./edwards.js";
import { sha256 } from "./hash.js";
import { Refusal } from "./refusal.js";

/** By algorithm: how it is named, how its public keys are imported. */
const ALGORITHMS = {
  Ed25519: { format: "raw" },
  "ML-DSA-65": { format: "raw-public" },
  "ML-DSA-44": { format: "raw-public" },
};

const IDENTITY = join(new Uint8Array([1]), new Uint8Array(31));

/** Verifies, and counts by algorithm what was and what could not be. Holds no state but that and keys. */
export class Verifier {
  #known = new Map();
  #admitted = new Map();

  constructor(able) {
    this.able = able;
    this.checked = { Ed25519: 0, "ML-DSA-65": 0, "ML-DSA-44": 0 };
    this.unchecked = { Ed25519: 0, "ML-DSA-65": 0, "ML-DSA-44": 0 };
  }

  /** What this browser is able to do; without either half of Statement signatures it proves nothing. */
  static async detect() {
    const able = {};
    for (const [name, size] of [["Ed25519", 32], ["ML-DSA-65", 1952], ["ML-DSA-44", 1312]]) {
      // 0x58 and thirty-one times 0x66 is the base point; any bytes of its length are an ML-DSA key.
      const bytes = new Uint8Array(size).fill(0x66);
      bytes[0] = 0x58;
      try {
        await crypto.subtle.importKey(ALGORITHMS[name].format, bytes, { name }, false, ["verify"]);
        able[name] = true;
      } catch {
        able[name] = false;
      }
    }
    return new Verifier(able);
  }

  /** Whether the signature holds; true, and counted, where the browser lacks the algorithm. */
  async verify(name, publicKey, signature, data, context) {
    if (!this.able[name]) {
      this.unchecked[name] += 1;
      return true;
    }
    this.checked[name] += 1;
    // With an admitted key, R = [S]B - [k]A is in the prime-order subgroup, whose one point of small
    // order is the identity; it encodes canonically, so this is all that SPEC 3.2 adds to RFC 8032.
    if (name === "Ed25519" && same(signature.subarray(0, 32), IDENTITY)) return false;
    const key = await this.#import(name, publicKey);
    if (key === null) return false;
    const how = context === undefined ? { name } : { name, context: utf8(context) };
    return crypto.subtle.verify(how, key, signature, data);
  }

  /** Remembers the answer: the same keys stand in every version of a Directory. */
  admits(ed25519) {
    const name = hex(ed25519);
    if (!this.#admitted.has(name)) this.#admitted.set(name, isAdmissible(ed25519));
    return this.#admitted.get(name);
  }

  async #import(name, publicKey) {
    const id = name + hex(publicKey);
    if (!this.#known.has(id)) {
      const made = crypto.subtle.importKey(ALGORITHMS[name].format, publicKey, { name }, false, ["verify"]);
      this.#known.set(id, await made.catch(() => null));
    }
    return this.#known.get(id);
  }
}

/** The id of a signing key (3.2). */
export function keyId(key) {
  return sha256(utf8("mce1-key\0"), key.ed25519, key.ml_dsa_65);
}

/** Refuses a browser that can check neither half: a verdict would be a guess. */
export function mustBeAble(verifier) {
  if (!verifier.able.Ed25519 && !verifier.able["ML-DSA-65"]) {
    throw new Refusal("usage", "this browser can verify neither Ed25519 nor ML-DSA-65: use another one");
  }
}
