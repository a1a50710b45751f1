// What the public entries of the log have built, entry by entry (SPEC sections 8.3 to 8.8).

import { hex } from "./bytes.js";
import { openGenesis, openNext } from "./chain.js";

const DAYS_30 = 30 * 86_400;

/** Changes only by `genesis`, `next` and what effects.js applies once it has checked everything. */
export class State {
  constructor(directory) {
    this.directory = directory;
    this.revoked = new Map();
    this.clocks = [];
    this.suspensions = new Map();
    this.lifted = new Map();
    this.prekeys = new Map();
    this.doors = new Map();
    this.recovered = new Map();
  }

  static async genesis(raw, members, networkId, verifier) {
    return new State(await openGenesis(raw, members, networkId, verifier));
  }

  /** The Directory that follows; it lifts suspensions. */
  async next(raw, members, index, verifier) {
    this.directory = await openNext(this.directory, raw, members, index, verifier);
    for (const id of this.directory.body.lifted_suspensions.map(hex)) {
      this.suspensions.delete(id);
      this.lifted.set(id, index);
    }
    for (const [id, one] of this.recovered) {
      const listed = this.directory.keys.get(id);
      // Listed as another's, it is that other's (8.8).
      if (listed && !(listed.kind === "member" && listed.holder === one.holder)) this.recovered.delete(id);
    }
  }

  /** A key that the Directory has or had, or that a board has named; with its beginning and end. */
  key(id) {
    const listed = this.directory.keys.get(id);
    const recovered = this.recovered.get(id);
    if (!listed) return recovered && { ...recovered, began: recovered.index, ended: Infinity };
    const indexOf = (version) => this.directory.indexOf(version);
    const starts = listed.lives.map((life) => indexOf(life.added_version));
    const ends = listed.lives.map((life) => indexOf(life.removed_version));
    // What a Directory lists later began when the board named it.
    const began = recovered ? recovered.index : Math.max(...starts.map(Number));
    return { ...listed, began, ended: ends.reduce((least, one) => (one < least ? one : least)) };
  }

  isSuspended(member) {
    return [...this.suspensions.values()].some((one) => one.member === member);
  }

  /** The doors in force: the record's until the first set by Statement (8.7). */
  certificates(member) {
    return this.doors.get(member.id)?.certificates ?? member.certificates;
  }

  /** The cut that a revocation's anchor makes: nobody but the threshold disowns old evidence (8.4). */
  cutOf(anchor, byRoots) {
    const size = anchor.checkpoint.size;
    const now = this.clocks.at(-1);
    if (byRoots || !now || anchor.time >= now.time - DAYS_30) return size;
    const first = this.clocks.find((clock) => clock.time >= now.time - DAYS_30);
    return first.size > size ? first.size : size;
  }

  /** Of several the lowest cut and the first index count. */
  revoke(id, cut, index) {
    const before = this.revoked.get(id);
    this.revoked.set(id, {
      cut: before && before.cut < cut ? before.cut : cut,
      index: before ? before.index : index,
    });
  }

  /** What an entry's signers are worth, by the revocations known now (8.4). */
  verdict(signers, index) {
    const known = signers.map((id) => this.revoked.get(id)).filter((one) => one && index >= one.cut);
    if (known.some((one) => index > one.index)) return "invalid";
    return known.length > 0 ? "disputed" : "valid";
  }

  /** The same, to be changed by itself. */
  copy() {
    const made = new State(this.directory);
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Map) made[name] = new Map(value);
      else if (Array.isArray(value)) made[name] = [...value];
    }
    return made;
  }
}
