// The tree of RFC 6962 (SPEC section 9.3). Sizes are BigInt inside: they reach 2^62.

import { join, same } from "./bytes.js";
import { sha256 } from "./hash.js";
import { must } from "./refusal.js";

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** The hash of a leaf. */
export function leafHash(data) {
  return sha256(join(LEAF, data));
}

function nodeHash(left, right) {
  return sha256(NODE, left, right);
}

/** A tree that grows leaf by leaf, in the memory of one hash a level. */
export class Growing {
  #whole = [];
  #count = 0;

  async append(leaf) {
    let hash = leaf;
    for (let rest = this.#count; rest & 1; rest >>>= 1) hash = await nodeHash(this.#whole.pop(), hash);
    this.#whole.push(hash);
    this.#count += 1;
  }

  async root() {
    if (this.#whole.length === 0) return sha256(new Uint8Array(0));
    let hash = this.#whole.at(-1);
    for (const left of this.#whole.slice(0, -1).reverse()) hash = await nodeHash(left, hash);
    return hash;
  }
}

/** RFC 9162, section 2.1.3.2: every hash used, none missing. */
export async function mustInclude(leaf, index, size, root, proof) {
  must(index < size, "log", `no entry ${index} in a tree of ${size}`);
  let place = BigInt(index);
  let last = BigInt(size) - 1n;
  let hash = leaf;
  for (const one of proof) {
    must(last !== 0n, "log", "an inclusion proof with more hashes than it needs");
    if (place & 1n || place === last) {
      hash = await nodeHash(one, hash);
      while (!(place & 1n) && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, one);
    }
    place >>= 1n;
    last >>= 1n;
  }
  must(last === 0n, "log", "an inclusion proof with fewer hashes than it needs");
  must(same(hash, root), "log", "an inclusion proof that does not hold");
}

/** RFC 9162, section 2.1.4.2; empty from size 0 and between equal sizes. */
export async function mustFollow(older, newer, proof) {
  must(older.size <= newer.size, "log", "a tree that has shrunk");
  if (older.size === newer.size) {
    must(same(older.root, newer.root), "fork", `two roots of ${newer.size} entries`);
    must(proof.length === 0, "log", "a proof where none may be");
    return;
  }
  if (older.size === 0) {
    must(proof.length === 0, "log", "a proof where none may be");
    must(same(older.root, await sha256(new Uint8Array(0))), "log", "another root of nothing");
    return;
  }
  const size = BigInt(older.size);
  // A whole subtree's root is not repeated in the proof.
  const path = (size & (size - 1n)) === 0n ? [older.root, ...proof] : proof;
  must(path.length > 0, "log", "an empty consistency proof");
  let place = size - 1n;
  let last = BigInt(newer.size) - 1n;
  while (place & 1n) {
    place >>= 1n;
    last >>= 1n;
  }
  let [before, after] = [path[0], path[0]];
  for (const one of path.slice(1)) {
    must(last !== 0n, "log", "a consistency proof with more hashes than it needs");
    if (place & 1n || place === last) {
      before = await nodeHash(one, before);
      after = await nodeHash(one, after);
      while (!(place & 1n) && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      after = await nodeHash(after, one);
    }
    place >>= 1n;
    last >>= 1n;
  }
  must(last === 0n, "log", "a consistency proof with fewer hashes than it needs");
  must(same(before, older.root) && same(after, newer.root), "log", "a consistency proof that does not hold");
}
