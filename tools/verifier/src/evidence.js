// Verifying an evidence file from a root fingerprint, in one pass (SPEC section 12.2).

import { Answers } from "./answers.js";
import { openAnchor } from "./anchor.js";
import { authenticate } from "./authority.js";
import { same } from "./bytes.js";
import { Disclosing } from "./disclosed.js";
import { take } from "./effects.js";
import { checkFork } from "./forks.js";
import { entryOf, idOf, parse } from "./framing.js";
import { parseCheckpoint } from "./note.js";
import { readRecords } from "./records.js";
import { must, Refusal } from "./refusal.js";
import { mustBeAble } from "./signatures.js";
import { State } from "./state.js";
import { leafHash, mustInclude } from "./tree.js";
import { decode } from "./wire.js";

/** What may follow what. */
const ORDER = { directory: 0, statement: 0, fork: 1, disclosure: 2, chunk: 2, end: 3 };
/** What a report holds at most. */
const MOST_STATEMENTS = 100_000;
/** The longest that the page stands still, in milliseconds. */
const SLICE = 30;

/**
 * The report of a Blob. `progress` is called with the bytes read so far and may throw to stop; `trace`
 * gets the step of 12.2 at work, so that a refusal can be laid at it.
 */
export async function verifyEvidence(source, networkId, verifier, { progress = () => {}, trace = {} } = {}) {
  mustBeAble(verifier);
  const reading = new Reading(networkId, verifier, trace);
  let resume = performance.now() + SLICE;
  for await (const record of readRecords(source)) {
    await reading.take(record);
    if (performance.now() < resume) continue;
    progress(record.read);
    await new Promise((done) => setTimeout(done));
    resume = performance.now() + SLICE;
  }
  return reading.finish();
}

class Reading {
  #answers = new Answers();
  #state = null;
  #count = 0;
  #part = 0;
  #last = -1;
  #ended = false;
  #directories = [];
  #forks = [];
  #note;
  #claimed;
  #disclosing;

  constructor(networkId, verifier, trace) {
    this.networkId = networkId;
    this.verifier = verifier;
    this.trace = trace;
    this.#disclosing = new Disclosing(this.#answers);
    trace.step = 1;
  }

  async take({ kind, data }) {
    this.#count += 1;
    if (this.#count === 1) return this.#begin(kind, data);
    if (this.#count === 2) return this.#anchor(kind, data);
    must(!this.#ended, "malformed", "something behind the end");
    must(Object.hasOwn(ORDER, kind) && ORDER[kind] >= this.#part, "malformed", `a ${kind} record where none may be`);
    const room = this.#count <= MOST_STATEMENTS || ORDER[kind] !== 0;
    must(room, "usage", `more than ${MOST_STATEMENTS} Statements: verify them in several files`);
    this.#part = ORDER[kind];
    return this[kind](data);
  }

  // 1
  #begin(kind, data) {
    must(kind === "begin", "malformed", "not an evidence file: it does not begin as one");
    const begin = decode("EvidenceBegin", data);
    must(begin.format === 1, "suite", `an evidence file of format ${begin.format}`);
    must(same(begin.network_id, this.networkId), "context", "another network than the fingerprint says");
  }

  #anchor(kind, data) {
    must(kind === "anchor", "malformed", "an evidence file without its anchor");
    this.#note = decode("EvidenceAnchor", data).note.slice();
    this.#claimed = parseCheckpoint(this.#note);
  }

  // 2
  async #included(statement, index, proof) {
    this.trace.step = 2;
    must(index > this.#last, "context", "records that are not in log order");
    this.#last = index;
    const { size, root } = this.#claimed;
    await mustInclude(await leafHash(await entryOf(statement)), index, size, root, proof);
  }

  // 3
  async directory(data) {
    const { bundle, index, proof } = decode("EvidenceDirectory", data);
    // Copied: the state keeps parts of it, and would keep the whole window behind `data` alive.
    const raw = bundle.statement.slice();
    const members = bundle.members.map((member) => member.slice());
    const statement = parse(raw);
    await this.#included(statement, index, proof);
    this.trace.step = 3;
    this.#answers.see(await idOf(statement, this.networkId), index);
    if (this.#state) {
      await this.#state.next(raw, members, index, this.verifier);
    } else {
      must(index === 0, "context", "the first Directory shown is not entry 0");
      this.#state = await State.genesis(raw, members, this.networkId, this.verifier);
    }
    const { body } = this.#state.directory;
    this.#directories.push({
      version: body.version,
      index,
      roots: statement.blocks.length,
      threshold: body.root_threshold,
      members: body.members,
      issued: body.issued_minutes,
      expires: body.expires_minutes,
      closed: body.closed,
    });
  }

  get #known() {
    must(this.#state !== null, "malformed", "an evidence file that does not begin with the genesis");
    return this.#state;
  }

  // 4
  async statement(data) {
    const record = decode("EvidenceStatement", data);
    const statement = parse(record.statement.slice());
    must(statement.type !== "directory", "malformed", "a Directory without its member records");
    const state = this.#known;
    await this.#included(statement, record.index, record.proof);
    this.trace.step = 4;
    const id = await idOf(statement, this.networkId);
    try {
      const before = this.#answers.entryOf(id);
      must(before === undefined, "context", `the same as entry ${before}: it counts once`);
      const signed = await authenticate(statement, state, record.index, this.verifier);
      if (statement.public) await take(signed, id, state, record.index, this.verifier);
      this.#answers.valid(signed, id, record.index);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#answers.invalid(statement.type, record.index, error.message);
    }
  }

  // 8
  async fork(data) {
    this.trace.step = 8;
    this.#forks.push(await checkFork(decode("EvidenceFork", data), this.#known.directory, this.verifier));
  }

  // 9
  async disclosure(data) {
    this.trace.step = 9;
    await this.#disclosing.begin(decode("EvidenceDisclosure", data));
  }

  async chunk(data) {
    this.trace.step = 9;
    await this.#disclosing.chunk(data);
  }

  // 6
  async end(data) {
    await this.#disclosing.finish();
    this.trace.step = 6;
    must(decode("EvidenceEnd", data).records === this.#count, "malformed", "another number of records");
    this.#ended = true;
  }

  async finish() {
    must(this.#count > 0, "malformed", "an empty file");
    this.trace.step = this.#count < 2 ? 1 : 6;
    must(this.#ended, "malformed", "an evidence file without its end: it was cut off");
    const state = this.#known;
    const anchor = await openAnchor(this.#note, state.directory, this.verifier);
    this.trace.step = 7;
    // 7: what held in 4, by the revocations that the whole file shows.
    const judged = (one) => ({ ...one, verdict: state.verdict(one.signers, one.index) });
    const facts = this.#answers.facts.map((one) => (one.verdict === "invalid" ? one : judged(one)));
    const messages = [...this.#answers.messages.values()].map((one) => ({
      ...judged(one),
      steps: one.steps.map(judged),
    }));
    return {
      networkId: this.networkId,
      directory: state.directory,
      directories: this.#directories,
      anchor,
      messages,
      facts,
      beside: (index) => this.#answers.beside(index),
      forks: this.#forks,
      disclosed: this.#disclosing.found,
      records: this.#count,
    };
  }
}
