// What the verifier's modules make of a vector (tests/vectors/mce1/README.md), for tests only.

import { openAnchor } from "../../tools/verifier/src/anchor.js";
import { authenticate } from "../../tools/verifier/src/authority.js";
import { hex } from "../../tools/verifier/src/bytes.js";
import { openGenesis, openNext } from "../../tools/verifier/src/chain.js";
import { take } from "../../tools/verifier/src/effects.js";
import { verifyEvidence } from "../../tools/verifier/src/evidence.js";
import { entryOf, idOf, parse } from "../../tools/verifier/src/framing.js";
import { sha256 } from "../../tools/verifier/src/hash.js";
import { originOf, parseCheckpoint, verifyLogLine } from "../../tools/verifier/src/note.js";
import { must, Refusal } from "../../tools/verifier/src/refusal.js";
import { Verifier } from "../../tools/verifier/src/signatures.js";
import { State } from "../../tools/verifier/src/state.js";
import { leafHash, mustFollow, mustInclude } from "../../tools/verifier/src/tree.js";
import { decode } from "../../tools/verifier/src/wire.js";

const unhex = (text) => Uint8Array.fromHex(text);

let verifier = null;
let world = null;

/** Follows the vectors' network: the state before each of its entries, and after the last. */
async function follow(network) {
  verifier = await Verifier.detect();
  const networkId = unhex(network.network_id);
  const raws = network.log.map((one) => unhex(one.statement));
  const members = network.log.map((one) => (one.members ?? []).map(unhex));
  let state = await State.genesis(raws[0], members[0], networkId, verifier);
  const states = [state];
  for (let index = 1; index < raws.length; index++) {
    const next = state.copy();
    try {
      await step(next, raws[index], members[index], index);
      state = next;
    } catch (error) {
      // What does not count is passed over.
      if (!(error instanceof Refusal)) throw error;
    }
    states.push(state);
  }
  world = { networkId, states, before: (index) => states[Math.min(index, states.length) - 1] };
  return verifier.able;
}

async function step(state, raw, members, index) {
  const statement = parse(raw);
  if (!statement.public) return null;
  if (statement.type === "directory") return state.next(raw, members, index, verifier);
  const signed = await authenticate(statement, state, index, verifier);
  await take(signed, await idOf(statement, state.directory.networkId), state, index, verifier);
  return signed;
}

async function said(signed) {
  return { id: hex(await idOf(signed.statement, world.networkId)), author: signed.author, verdict: signed.verdict };
}

const last = () => world.states.at(-1).directory;

const JUDGES = {
  async directory({ network_id: networkId, versions }) {
    let current = null;
    const found = [];
    for (const one of Object.values(versions)) {
      const [raw, members] = [unhex(one.statement), one.members.map(unhex)];
      current = current
        ? await openNext(current, raw, members, one.index, verifier)
        : await openGenesis(raw, members, unhex(networkId), verifier);
      found.push({
        version: current.body.version,
        id: hex(current.id),
        members_root: hex(current.body.members_root),
        signers: current.statement.blocks.map((block) => hex(block.keyId)),
        living_roots: current.livingRoots().map((key) => key.id).sort(),
      });
    }
    return { versions: found };
  },
  async statement({ index, statement }) {
    return said(await authenticate(parse(unhex(statement)), world.before(index), index, verifier));
  },
  async public({ index, statement, members }) {
    must(parse(unhex(statement)).public, "context", "a private Statement");
    return said(await step(world.before(index).copy(), unhex(statement), (members ?? []).map(unhex), index));
  },
  // No evidence file holds wraps, and who reads one holds no private key: of an envelope, the header.
  async envelope({ index, statement }) {
    const parsed = parse(unhex(statement));
    must(parsed.type === "header", "context", "not a header");
    return said(await authenticate(parsed, world.before(index), index, verifier));
  },
  async checkpoint({ note }) {
    const checkpoint = parseCheckpoint(unhex(note));
    must(checkpoint.origin === originOf(world.networkId), "context", "another log");
    const key = last().logKey(checkpoint.size);
    await verifyLogLine(checkpoint, originOf(world.networkId), key, verifier);
    return { origin: checkpoint.origin, size: checkpoint.size, root: hex(checkpoint.root) };
  },
  async anchor({ note }) {
    const anchor = await openAnchor(unhex(note), last(), verifier);
    const { size, root } = anchor.checkpoint;
    return { size, root: hex(root), time: anchor.time, witnesses: anchor.witnesses, relays_clock: anchor.relaysClock };
  },
  async receipt({ receipt, statement }) {
    const { index, proof, checkpoint } = decode("Receipt", unhex(receipt));
    const { size, root } = await JUDGES.checkpoint({ note: hex(checkpoint) });
    await mustInclude(await leafHash(await entryOf(parse(unhex(statement)))), index, size, unhex(root), proof);
    return { index };
  },
  async consistency({ older, newer, proof }) {
    const [before, after] = [parseCheckpoint(unhex(older)), parseCheckpoint(unhex(newer))];
    for (const one of [older, newer]) await JUDGES.checkpoint({ note: one });
    await mustFollow(before, after, proof.map(unhex));
    return {};
  },
  async evidence({ network_id: networkId, file }) {
    const report = await verifyEvidence(new Blob([unhex(file)]), unhex(networkId), verifier);
    const { anchor, messages, facts, forks, disclosed } = report;
    return {
      directory_version: report.directory.body.version,
      log_size: anchor.checkpoint.size,
      witnesses: anchor.witnesses,
      relays_clock: anchor.relaysClock,
      verdicts: Object.fromEntries([...messages, ...facts].map((one) => [one.index, one.verdict])),
      answers: Object.fromEntries(
        messages.map((one) => [one.id, Object.fromEntries(one.places.map((place) => [place.member, place.says]))]),
      ),
      said: Object.fromEntries([...messages, ...facts].map((one) => [one.index, [one.says ?? "", ...report.beside(one.index)].join("; ")])),
      steps: messages.map((one) => one.steps.map((step) => [step.index, step.row.stage, step.row.event, step.author, step.member, step.verdict])),
      witnessed: anchor.hasQuorum,
      forks: forks.map((one) => [one.older, one.newer]),
      disclosed: disclosed.map((one) => ({ header_id: one.header, stream: one.stream, sha256: one.sha256 })),
    };
  },
};

async function judge(kind, given) {
  try {
    return { code: "accept", values: await JUDGES[kind](given) };
  } catch (error) {
    if (!(error instanceof Refusal)) return { code: `fault: ${error.stack}` };
    return { code: error.code, why: error.message };
  }
}

/** What a test sends: a script beside the page, since some vectors are large. */
function given(address) {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.onload = () => done(globalThis.GIVEN);
    script.onerror = failed;
    script.src = address;
    document.head.append(script);
  });
}

/** A signature as the verifier takes it: an admitted key, and it holds. */
async function holds(ed25519, signature, data) {
  return verifier.admits(unhex(ed25519)) && (await verifier.verify("Ed25519", unhex(ed25519), unhex(signature), unhex(data)));
}

async function each(cases, act) {
  const found = [];
  for (const one of cases) found.push(await act(one));
  return found;
}

globalThis.follow = async (address) => follow(await given(address));
globalThis.judge = async (address) => each(await given(address), (one) => judge(one.kind, one.input));
globalThis.holds = async (address) => each(await given(address), (one) => holds(one.key, one.sig, one.msg));
