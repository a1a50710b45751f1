// One stream shown to a third party: just what its author sent, nothing else opened (SPEC 6, 12.2 step 9).

import { hex, join, numberOf, same, uint, utf8 } from "./bytes.js";
import { chacha20poly1305 } from "../vendor/noble-ciphers/chacha.js";
import { hkdf, sha256 } from "./hash.js";
import { paddedSizeOf } from "./header.js";
import { must, Refusal } from "./refusal.js";
import { LIMITS } from "./schema.js";
import { Growing, leafHash } from "./tree.js";
import { decode } from "./wire.js";

const LENGTH = 8;

/** Takes disclosures and their chunks; `found` holds what opened whole. */
export class Disclosing {
  found = [];
  #headers;
  #open = null;

  constructor(answers) {
    this.#headers = answers.messages;
  }

  async begin({ header_id: header, stream, secret }) {
    await this.finish();
    const message = this.#headers.get(hex(header));
    must(message !== undefined, "context", `message ${hex(header)} is not shown`);
    const listed = message.core.streams[stream];
    must(listed !== undefined, "context", `message ${message.id} has no stream ${stream}`);
    // 6.1: the commitment in the signed header makes this the one key of the stream.
    const derived = await hkdf(secret, null, utf8("mce1/key-commit"), 64);
    must(same(derived.subarray(32), listed.commitment), "decryption", "it does not open");
    this.#open = new Opening(message, stream, listed, derived.subarray(0, 32));
  }

  async chunk(sealed) {
    must(this.#open !== null && !this.#open.whole, "malformed", "a chunk where none may be");
    await this.#open.take(sealed);
  }

  /** Called at the next disclosure and at the end: whole, and the bytes that the header commits to. */
  async finish() {
    const open = this.#open;
    this.#open = null;
    if (open) this.found.push(await open.close());
  }
}

class Opening {
  #message;
  #stream;
  #listed;
  #key;
  #count = 0;
  #tree = new Growing();
  #parts = [];
  #length = null;

  constructor(message, stream, listed, key) {
    this.#message = message;
    this.#stream = stream;
    this.#listed = listed;
    this.#key = key;
    this.chunks = Math.ceil(listed.padded_size / LIMITS.chunk);
  }

  get whole() {
    return this.#count === this.chunks;
  }

  async take(sealed) {
    const last = this.#count === this.chunks - 1;
    const before = this.#count * LIMITS.chunk;
    const size = last ? this.#listed.padded_size - before : LIMITS.chunk;
    must(sealed.length === size + LIMITS.tag, "decryption", "it does not open");
    await this.#tree.append(await leafHash(sealed));
    const plain = this.#decrypt(sealed, join(uint(this.#count, 11), uint(last ? 1 : 0, 1)));
    this.#keep(plain, before);
    this.#count += 1;
  }

  #decrypt(sealed, nonce) {
    try {
      return chacha20poly1305(this.#key, nonce).decrypt(sealed);
    } catch {
      throw new Refusal("decryption", "it does not open");
    }
  }

  /** 6.3: the length pads to just this size, and all padding is zero. Kept as Blobs, so on disk if large. */
  #keep(plain, before) {
    if (before === 0) {
      this.#length = numberOf(plain.subarray(0, LENGTH));
      const fits = this.#length < 2 ** 40 && paddedSizeOf(this.#stream, LENGTH + this.#length);
      must(fits === this.#listed.padded_size, "decryption", "it does not open");
    }
    const end = Math.min(plain.length, Math.max(0, LENGTH + this.#length - before));
    const padding = plain.subarray(Math.max(end, before === 0 ? LENGTH : 0));
    must(padding.every((byte) => byte === 0), "decryption", "it does not open");
    this.#parts.push(new Blob([plain.subarray(before === 0 ? LENGTH : 0, end)]));
  }

  async close() {
    const ours = this.whole && same(await this.#tree.root(), this.#listed.root);
    must(ours, "context", "not the ciphertext that the header commits to");
    const data = new Blob(this.#parts);
    const found = { header: this.#message.id, stream: this.#stream, size: data.size, data };
    if (this.#stream === 0) {
      const bytes = new Uint8Array(await data.arrayBuffer());
      return { ...found, sha256: hex(await sha256(bytes)), payload: payloadOf(bytes, this.#message.core) };
    }
    // WebCrypto digests in one piece: above this, the root in the header has to do.
    const whole = data.size <= LIMITS.payload_padded * 64 ? new Uint8Array(await data.arrayBuffer()) : null;
    return { ...found, sha256: whole && hex(await sha256(whole)) };
  }
}

/** Section 7: one encoding, and inside the same message as outside. */
function payloadOf(bytes, core) {
  try {
    const payload = decode("Payload", bytes);
    const names = core.recipients.map((one) => one.member);
    must(same(payload.message_ref, core.message_ref), "decryption", "another message inside");
    must(payload.sender === core.sender, "decryption", "another sender inside");
    const told = payload.recipients;
    must(told.length === names.length && told.every((one, at) => one === names[at]), "decryption", "others inside");
    const sizes = payload.attachments.map((one, at) => paddedSizeOf(at + 1, LENGTH + Number(one.size)));
    const listed = core.streams.slice(1).map((one) => one.padded_size);
    const fit = sizes.length === listed.length && sizes.every((one, at) => one === listed[at]);
    must(fit, "decryption", "attachments of other sizes inside");
    return payload;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("decryption", `the payload is not this header's: ${error.message}`);
  }
}
