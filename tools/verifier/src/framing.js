// A Statement's fixed bytes, what its blocks sign, its id and its log entry (SPEC 4.1, 4.2, 9.3).

import { join, numberOf, prefixed, textOf, uint, utf8 } from "./bytes.js";
import { sha256 } from "./hash.js";
import { must } from "./refusal.js";
import { LIMITS } from "./schema.js";

/** By type: the message of its body, and its class in the log. */
export const TYPES = {
  header: { message: "Header", public: false },
  delivered: { message: "Delivered", public: false },
  refused: { message: "Refused", public: false },
  void: { message: "Void", public: false },
  "high-water": { message: "HighWater", public: false },
  "re-wrap": { message: "ReWrap", public: false },
  undeliverable: { message: "Undeliverable", public: false },
  overdue: { message: "Overdue", public: false },
  erasure: { message: "Erasure", public: false },
  prekey: { message: "Prekey", public: true },
  "tls-keys": { message: "TlsKeys", public: true },
  revocation: { message: "Revocation", public: true },
  suspension: { message: "Suspension", public: true },
  clock: { message: "Clock", public: true },
  contest: { message: "Contest", public: true },
  "board-recovery": { message: "BoardRecovery", public: true },
  directory: { message: "Directory", public: true },
};

/** Step 1 of 4.3. */
export function parse(raw) {
  must(raw.length <= LIMITS.statement, "limit", `a Statement of ${raw.length} bytes`);
  let at = 0;
  const take = (size) => {
    must(size <= raw.length - at, "malformed", "a Statement that is cut short");
    at += size;
    return raw.subarray(at - size, at);
  };
  const nameSize = numberOf(take(1));
  must(nameSize <= LIMITS.type_name, "limit", `a type of ${nameSize} bytes`);
  const name = textOf(take(nameSize)) ?? "";
  const size = numberOf(take(4));
  must(size <= LIMITS.statement_body, "limit", `a body of ${size} bytes`);
  const body = take(size);
  const count = numberOf(take(1));
  must(count <= LIMITS.signatures, "limit", `${count} blocks`);
  must(count > 0, "malformed", "no block");
  must(raw.length - at === count * LIMITS.signature_block, "malformed", "blocks that do not fill the rest");
  must(Object.hasOwn(TYPES, name), "suite", "an unknown type of Statement");
  const blocks = Array.from({ length: count }, () => ({
    keyId: take(LIMITS.key_id),
    ed25519: take(LIMITS.ed25519_signature),
    mlDsa65: take(LIMITS.ml_dsa_65_signature),
  }));
  return { raw, type: name, body, blocks, message: TYPES[name].message, public: TYPES[name].public };
}

/** The id: of the body, not of the signatures. */
export function idOf(statement, networkId) {
  return sha256(utf8("mce1-id\0"), networkId, prefixed(statement.type), statement.body);
}

/** What a block's two signatures are over. */
export function signedBytes(statement, networkId, block) {
  return join(utf8("mce1\0"), networkId, prefixed(statement.type), block.keyId, statement.body);
}

/** The log entry of 34 bytes. */
export async function entryOf(statement) {
  return join(uint(1, 1), uint(statement.public ? 1 : 0, 1), await sha256(statement.raw));
}

/** The network id that a genesis body makes. */
export function networkIdOf(body) {
  return sha256(utf8("mce1-genesis\0"), body);
}
