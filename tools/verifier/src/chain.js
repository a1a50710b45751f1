// How one Directory follows another: the genesis, thresholds, lives (SPEC sections 8.2, 8.3).

import { hex, same } from "./bytes.js";
import { ascend, namedLives, publicKeys, readDirectory } from "./directory.js";
import { idOf, networkIdOf, parse, signedBytes } from "./framing.js";
import { must, Refusal } from "./refusal.js";
import { decode } from "./wire.js";

/** A few milliseconds each: the page lives on in between. */
const KEYS_AT_ONCE = 8;

/** Version 1, by the fingerprint alone. */
export function openGenesis(raw, members, networkId, verifier) {
  return blamed(async () => {
    const statement = parse(raw);
    must(statement.type === "directory", "context", "not a Directory");
    must(same(await networkIdOf(statement.body), networkId), "context", "the genesis of another network");
    const body = decode("Directory", statement.body);
    must(body.version === 1, "context", "not version 1");
    const id = await idOf(statement, networkId);
    const directory = await readDirectory(statement, id, body, members, { networkId, index: 0, quorums: [] });
    lives(directory, null);
    await threshold(directory, null, verifier);
    await admit(directory, verifier);
    return directory;
  });
}

/** The version after `current`, which stands in the log at `index`. */
export function openNext(current, raw, members, index, verifier) {
  return blamed(async () => {
    const statement = parse(raw);
    must(statement.type === "directory", "context", "not a Directory");
    must(index > current.index, "context", "not above the version before");
    must(!current.body.closed, "context", "the version before has ended the log");
    const body = decode("Directory", statement.body);
    must(body.version === current.body.version + 1, "context", `version ${body.version} does not follow`);
    must(same(body.previous, current.id), "context", "it names another version before it");
    const told = body.earlier_indices;
    const fits = told.length === current.indices.length && told.every((one, at) => one === current.indices[at]);
    must(fits, "context", "other indices of earlier versions");
    const { networkId, quorums } = current;
    const id = await idOf(statement, networkId);
    const directory = await readDirectory(statement, id, body, members, { networkId, index, quorums });
    lives(directory, current);
    await threshold(directory, current, verifier);
    await admit(directory, verifier);
    return directory;
  });
}

/** Whatever is wrong with a Directory is the federation's fault (11.1). */
async function blamed(made) {
  try {
    return await made();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("directory", `the Directory: ${error.message}`);
  }
}

/** After the thresholds, since it takes a while: only what the roots have signed may take it. */
async function admit(directory, verifier) {
  let at = 0;
  for (const [ed25519] of publicKeys(directory.body, [...directory.members.values()])) {
    must(verifier.admits(ed25519), "malformed", "a public key that may not be used");
    at += 1;
    if (at % KEYS_AT_ONCE === 0) await new Promise((done) => setTimeout(done));
  }
}

/** Enough roots of the version before, and enough of this one's; each once, and nobody else. */
async function threshold(directory, before, verifier) {
  const { statement, networkId } = directory;
  must(ascend(statement.blocks.map((block) => block.keyId)), "signature", "blocks that do not ascend by key id");
  const judges = before ? [before, directory] : [directory];
  const roots = judges.map((judge) => new Map(judge.livingRoots().map((key) => [key.id, key])));
  const counts = judges.map(() => 0);
  for (const block of statement.blocks) {
    const id = hex(block.keyId);
    const key = roots.map((known) => known.get(id)).find((one) => one !== undefined);
    must(key !== undefined, "signature", "a block by a key that is no living root's");
    await mustHold(statement, block, key.record, networkId, verifier);
    roots.forEach((known, at) => (counts[at] += Number(known.has(id))));
  }
  judges.forEach((judge, at) => {
    const asked = judge.body.root_threshold;
    must(counts[at] >= asked, "signature", `${counts[at]} of ${asked} roots`);
  });
}

/** Both signatures of a block: one alone is none (3.2). */
export async function mustHold(statement, block, key, networkId, verifier) {
  const data = signedBytes(statement, networkId, block);
  const classical = await verifier.verify("Ed25519", key.ed25519, block.ed25519, data);
  must(classical, "signature", "an Ed25519 signature that does not hold");
  const quantum = await verifier.verify("ML-DSA-65", key.ml_dsa_65, block.mlDsa65, data, statement.type);
  must(quantum, "signature", "an ML-DSA-65 signature that does not hold");
}

/** Nothing that was there is gone, no life is rewritten, what is new begins here (8.3). */
function lives(directory, before) {
  const { version } = directory.body;
  const now = namedLives(directory);
  const old = before ? namedLives(before) : new Map();
  for (const [name, thing] of now) {
    const was = old.get(name);
    const begins = was ? was.added_version : version;
    must(thing.added_version === begins, "context", `${name}: another beginning`);
    const ends = was?.removed_version ? [was.removed_version] : was ? [0, version] : [0];
    must(ends.includes(thing.removed_version), "context", `${name}: another end`);
  }
  for (const name of old.keys()) must(now.has(name), "context", `${name} is left out`);
  for (const id of before?.members.keys() ?? []) {
    must(directory.members.has(id), "context", `member ${id} is left out`);
  }
  const logs = directory.body.log_keys.filter((key) => !key.removed_version);
  must(logs.length === 1, "context", "not one living key of the log");
}
