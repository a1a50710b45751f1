// Public Statements that count, and what they change (SPEC sections 8.4 to 8.8).

import { hex, same } from "./bytes.js";
import { must } from "./refusal.js";
import { publicKeys } from "./directory.js";
import { keyId } from "./signatures.js";

const HOURS_12 = 12 * 3_600;
const SUSPENSIONS_A_ROOT = 2;

/** Checks an authenticated public Statement against the state, then changes it; all of it or nothing. */
export async function take(signed, id, state, index, verifier) {
  await TAKE[signed.statement.type](signed, { id, state, index, verifier });
}

const TAKE = {
  revocation: takeRevocation,
  suspension: takeSuspension,
  clock: takeClock,
  prekey: takePrekey,
  "tls-keys": takeDoors,
  "board-recovery": takeRecovery,
  // Recorded, and changes nothing (8.5).
  contest: async () => undefined,
};

async function takeRevocation({ body, kind, anchor }, { state, index }) {
  const { members, body: directory } = state.directory;
  const key = state.key(hex(body.key_id));
  // Roots' and boards' keys are changed by Directories only.
  must(key?.kind !== "root" && key?.kind !== "board", "context", "a key that only a Directory ends");
  const relay = directory.relays.some((one) => one.id === body.member);
  must(relay || members.has(body.member), "directory", `no member or relay ${body.member}`);
  must(key?.holder === body.member, "context", `no key of ${body.member}`);
  state.revoke(hex(body.key_id), state.cutOf(anchor, kind === "root"), index);
}

async function takeSuspension({ body, signers }, { id, state, index }) {
  must(state.directory.members.has(body.member), "directory", `no member ${body.member}`);
  must(!state.lifted.has(hex(id)), "context", "a suspension that was lifted");
  must(!state.isSuspended(body.member), "context", `${body.member} is suspended already`);
  const held = [...state.suspensions.values()].filter((one) => one.root === signers[0]).length;
  must(held < SUSPENSIONS_A_ROOT, "context", "a root that holds two suspensions already");
  state.suspensions.set(hex(id), { member: body.member, root: signers[0], index });
}

async function takeClock({ anchor }, { state, index }) {
  must(anchor.hasQuorum, "context", "a clock whose anchor is below the quorum");
  const { size } = anchor.checkpoint;
  must(anchor.time <= state.directory.body.expires_minutes * 60, "context", "a clock beyond the Directory");
  const last = state.clocks.at(-1);
  must(!last || anchor.time >= last.time + HOURS_12, "context", "a clock within twelve hours of the last");
  must(!last || size >= last.size, "context", "a clock of a smaller tree than the last");
  state.clocks.push({ time: anchor.time, size, index });
}

async function takePrekey({ body }, { id, state }) {
  must(body.nominal_end_minutes > body.not_before_minutes, "context", "a prekey that ends before it begins");
  const last = state.prekeys.get(body.member);
  if (last) {
    must(BigInt(body.epoch) === BigInt(last.epoch) + 1n, "context", "an epoch that does not follow");
    must(same(body.previous, last.id), "context", "a prekey that follows another");
  }
  state.prekeys.set(body.member, { epoch: body.epoch, id });
}

async function takeDoors({ body }, { state }) {
  const number = state.doors.get(body.member)?.number ?? 0;
  must(BigInt(body.number) === BigInt(number) + 1n, "context", "a set of certificates that does not follow");
  mustBeFree(body.certificates, body.member, state);
  state.doors.set(body.member, { number: body.number, certificates: body.certificates });
}

/** A certificate once, and nobody else's (8.7). */
function mustBeFree(certificates, member, state) {
  const own = certificates.map(hex);
  must(new Set(own).size === own.length, "context", "a certificate stands twice");
  const others = [...state.directory.members.values()].filter((one) => one.id !== member);
  const taken = [
    ...others.flatMap((one) => state.certificates(one)),
    ...state.directory.body.relays.flatMap((relay) => relay.certificates),
  ];
  must(!taken.map(hex).some((one) => own.includes(one)), "context", "a certificate that another presents");
}

async function takeRecovery({ body, author, anchor }, { state, index, verifier }) {
  const key = body.new_key;
  must(!key.added_version && !key.removed_version, "context", "a new key with versions");
  must(verifier.admits(key.ed25519), "malformed", "a new key that may not be used");
  const { body: directory, members, keys } = state.directory;
  const standing = [...publicKeys(directory, [...members.values()])];
  for (const one of state.recovered.values()) standing.push([one.record.ed25519, one.record.ml_dsa_65]);
  const taken = new Set(standing.flat().map(hex));
  must(!taken.has(hex(key.ed25519)) && !taken.has(hex(key.ml_dsa_65)), "context", "a key that stands already");
  if (body.certificates.length > 0) mustBeFree(body.certificates, author, state);
  const id = hex(await keyId(key));
  const cut = state.cutOf(anchor, false);
  for (const [other, one] of [...keys, ...state.recovered]) {
    if (one.kind === "member" && one.holder === author) state.revoke(other, cut, index);
  }
  state.recovered.set(id, { id, kind: "member", holder: author, record: key, label: key.label, index });
  if (body.certificates.length > 0) {
    const number = (state.doors.get(author)?.number ?? 0) + 1;
    state.doors.set(author, { number, certificates: body.certificates });
  }
}
