// One version of the Directory: who holds which keys, and what must hold inside it (SPEC section 8.1).

import { compare, hex, same } from "./bytes.js";
import { must } from "./refusal.js";
import { ENUMS, LIMITS } from "./schema.js";
import { keyId } from "./signatures.js";
import { Growing, leafHash } from "./tree.js";
import { decode } from "./wire.js";

const LEFT = ENUMS.MemberStatus.MEMBER_STATUS_LEFT;

/** A version that was read, its member records with it; the chain (8.2) decides whether it counts. */
export class Directory {
  constructor({ networkId, statement, id, body, members, keys, indices, quorums }) {
    this.networkId = networkId;
    this.statement = statement;
    this.id = id;
    this.body = body;
    this.members = members;
    this.keys = keys;
    this.indices = indices;
    this.quorums = quorums;
  }

  get index() {
    return this.indices.at(-1);
  }

  /** The index that a version's number stands for; things that live have no end. */
  indexOf(version) {
    return version === 0 ? Infinity : this.indices[version - 1];
  }

  /** 8.3, for a thing with one life. */
  #lives(thing, index) {
    return index > this.indexOf(thing.added_version) && index <= this.indexOf(thing.removed_version);
  }

  /** The log's key for a tree size; before the genesis there is none. */
  logKey(size) {
    const found = this.body.log_keys.find((key) => this.#lives(key, size));
    must(found !== undefined, "directory", `no key of the log lives at ${size} entries`);
    return found;
  }

  witnesses(size) {
    return this.body.witnesses.filter((one) => this.#lives(one, size));
  }

  /** That of the last version whose index is below the size (8.1). */
  quorum(size) {
    return this.quorums.findLast((one) => one.index < size) ?? { k: 0, n: 0 };
  }

  /** How many persons an act asks of a member: the stricter rule holds. */
  persons(member, act) {
    const rules = [...this.body.default_policy, ...member.policy].filter((rule) => rule.act === act);
    return Math.max(1, ...rules.map((rule) => rule.persons));
  }

  livingRoots() {
    return [...this.keys.values()].filter((key) => key.kind === "root" && !key.record.removed_version);
  }
}

/** Reads the body and the records and applies 8.1 but for lives. */
export async function readDirectory(statement, id, body, raws, given) {
  const size = raws.reduce((sum, raw) => sum + raw.length, statement.raw.length);
  must(size <= LIMITS.directory_bundle, "limit", `a Directory of ${size} bytes`);
  must(raws.length === body.members, "context", `${raws.length} member records, not ${body.members}`);
  const tree = new Growing();
  for (const raw of raws) await tree.append(await leafHash(raw));
  must(same(await tree.root(), body.members_root), "context", "other member records than the root says");
  const records = raws.map((raw) => decode("MemberRecord", raw));
  const members = new Map(records.map((record) => [record.id, record]));
  const keys = await readKeys(body, records);
  const indices = [...body.earlier_indices, given.index];
  must(indices.length === body.version, "context", "not one index for each version before");
  const quorums = [...given.quorums, { index: given.index, ...quorumOf(body) }];
  rules(body, records);
  return new Directory({ ...given, statement, id, body, members, keys, indices, quorums });
}

function quorumOf(body) {
  return { k: body.quorum.k, n: body.quorum.n };
}

/** All signing keys by their ids, with whose they are and the lives that bound theirs. */
async function readKeys(body, records) {
  const keys = new Map();
  const put = async (kind, holder, record, ...above) => {
    const id = hex(await keyId(record));
    keys.set(id, { id, kind, holder, record, lives: [record, ...above], label: record.label });
  };
  for (const key of body.root_keys) await put("root", "federation", key);
  for (const relay of body.relays) for (const key of relay.keys) await put("relay", relay.id, key, relay);
  for (const member of records) {
    for (const key of member.keys) await put("member", member.id, key);
    for (const key of member.board_keys) await put("board", member.id, key);
  }
  return keys;
}

/** Every public key, every certificate: none stands twice. */
export function* publicKeys(body, records) {
  const signing = [
    ...body.root_keys,
    ...body.relays.flatMap((relay) => relay.keys),
    ...records.flatMap((member) => [...member.keys, ...member.board_keys]),
  ];
  for (const key of signing) yield [key.ed25519, key.ml_dsa_65];
  for (const key of [...body.log_keys, ...body.witnesses]) yield [key.ed25519, key.ml_dsa_44];
}

function living(things) {
  return things.filter((thing) => !thing.removed_version);
}

function unique(values, what) {
  must(new Set(values).size === values.length, "context", `${what} twice`);
}

function rules(body, records) {
  const names = records.map((record) => record.id);
  for (let at = 1; at < names.length; at++) {
    must(names[at - 1] < names[at], "context", "member records that do not ascend by id");
  }
  const ids = [...names, ...body.relays.map((relay) => relay.id)];
  unique(ids, "an id stands");
  must(!ids.includes("federation"), "context", "a member or relay with the name of the roots");
  unique([...publicKeys(body, records)].flat().map(hex), "a public key stands");
  unique([...records, ...body.relays].flatMap((one) => one.certificates).map(hex), "a certificate stands");
  must(body.issued_minutes < body.expires_minutes, "context", "a Directory that expires before it is issued");
  must(body.closed || body.successor.length === 0, "context", "a successor of a network that has not ended");
  must((body.version === 1) === (body.genesis_random.length > 0), "context", "random bytes belong to the genesis");
  must((body.version === 1) === (body.previous.length === 0), "context", "all but the genesis name the one before");
  policy(body.default_policy);
  records.forEach(memberRules);
  witnessRules(body, records);
}

function policy(found) {
  for (let at = 1; at < found.length; at++) {
    must(found[at - 1].act < found[at].act, "context", "policy rules that do not ascend");
  }
}

function memberRules(member) {
  const boards = living(member.board_keys).length;
  const fits = boards ? member.board_threshold >= 1 && member.board_threshold <= boards : !member.board_threshold;
  must(fits, "context", `${member.id}: a threshold that does not fit its board`);
  const none = boards + living(member.keys).length === 0;
  must(member.status !== LEFT || none, "context", `${member.id} has left and has living keys`);
  policy(member.policy);
}

function witnessRules(body, records) {
  const now = living(body.witnesses);
  unique(now.map((one) => one.name), "the name of a witness stands");
  unique(now.map((one) => one.member), "the member of a witness stands");
  const here = new Set(records.filter((one) => one.status !== LEFT).map((one) => one.id));
  must(now.every((one) => here.has(one.member)), "context", "a witness run by nobody who is here");
  const { k, n } = quorumOf(body);
  const nobody = k === 0 && n === 0;
  must(nobody || (n === now.length && n < 2 * k && k <= n), "context", `a quorum of ${k} of ${n}`);
}

/** Everything with a life, by a name that says where it stands. */
export function namedLives(directory) {
  const { body, members } = directory;
  const lives = new Map();
  const of = (key) => `${hex(key.ed25519)} ${hex(key.ml_dsa_65 ?? key.ml_dsa_44)}`;
  const put = (where, things, name = of) => things.forEach((thing) => lives.set(`${where} ${name(thing)}`, thing));
  put("root key", body.root_keys);
  put("log key", body.log_keys);
  put("witness", body.witnesses, (one) => `${one.name} ${of(one)}`);
  put("relay", body.relays, (one) => one.id);
  for (const relay of body.relays) put(`key of relay ${relay.id}`, relay.keys);
  for (const member of members.values()) {
    put(`key of member ${member.id}`, member.keys);
    put(`board key of member ${member.id}`, member.board_keys);
  }
  return lives;
}

/** For ascending key ids. */
export function ascend(ids) {
  return ids.every((id, at) => at === 0 || compare(ids[at - 1], id) < 0);
}
