// What the Statements of a file say of each other: messages, answers, everything else (SPEC 12.2, 12.4).

import { hex } from "./bytes.js";
import { parseCheckpoint } from "./note.js";
import { ENUMS, STAGES } from "./schema.js";

export const NOT_SHOWN = "not shown";
const KEYLESS = ENUMS.RefusalCode.REFUSAL_CODE_PREKEY_NOT_HELD;

/** The words of an enum's value, as SPEC writes them. */
export function words(type, value) {
  const name = ENUMS[type][value];
  const prefix = type.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return name.slice(prefix.length + 1).replaceAll("_", " ").toLowerCase();
}

/** The row of SPEC 12.4 for a Statement; of refusals, the one that names the code. */
export function stageOf(type, code) {
  const of = STAGES.filter((row) => row.proof.startsWith(`\`${type}\``));
  return code === undefined ? of[0] : of.find((row) => row.proof.includes(words("RefusalCode", code)));
}

/** Collects, in log order. */
export class Answers {
  messages = new Map();
  facts = [];
  #seen = new Map();
  #said = new Map();

  /** The entry at which an id counted before, if it did. */
  entryOf(id) {
    return this.#seen.get(hex(id));
  }

  /** A Directory, or a Statement that counts. */
  see(id, index) {
    this.#seen.set(hex(id), index);
  }

  /** One that does not: it is logged, and worth nothing. */
  invalid(type, index, why) {
    this.facts.push({ index, type, author: "nobody", signers: [], verdict: "invalid", says: why });
  }

  /** A Statement that counts, a public one included. */
  valid(signed, id, index) {
    const { statement, body, core, author, signers } = signed;
    this.see(id, index);
    if (statement.type === "header") {
      const places = core.recipients.map(({ member, sequence }) => ({ member, sequence, says: NOT_SHOWN, final: null }));
      this.messages.set(hex(id), { id: hex(id), index, author, signers, core, places, steps: [] });
      return;
    }
    const about = body.header_id ?? body.annulled_id;
    const header = about?.length ? hex(about) : "";
    this.facts.push({ index, type: statement.type, author, signers, verdict: "valid", says: says(signed), header });
    (ANSWERS[statement.type] ?? (() => undefined))(this, signed, index);
  }

  /** More to be said beside an entry. */
  say(index, more) {
    this.#said.set(index, [...(this.#said.get(index) ?? []), more]);
  }

  /** What is said beside an entry. */
  beside(index) {
    return this.#said.get(index) ?? [];
  }

  step(header, signed, index, member, code) {
    const row = stageOf(signed.statement.type, code);
    const { author, signers } = signed;
    this.messages.get(hex(header))?.steps.push({ index, row, author, signers, member });
  }

  /** An acknowledgement at the recipient it is by. */
  answer(item, signed, index, text, code) {
    const message = this.messages.get(hex(item.header_id));
    if (!message) {
      this.say(index, `message ${hex(item.header_id)} is not shown`);
      return;
    }
    const place = message.places[item.recipient_index];
    if (message.index !== item.index || place?.member !== signed.author) {
      this.say(index, `worth nothing for message ${message.id}: not its entry, or not its recipient`);
      return;
    }
    this.step(item.header_id, signed, index, signed.author, code);
    // The first final one counts.
    if (place.final !== null) return;
    place.says = text;
    place.entry = index;
    if (code !== KEYLESS) place.final = index;
  }
}

const ANSWERS = {
  delivered(answers, signed, index) {
    for (const item of signed.body.items) answers.answer(item, signed, index, "delivered");
  },
  refused(answers, signed, index) {
    for (const item of signed.body.items) {
      const text = `refused (${words("RefusalCode", item.code)})${item.code === KEYLESS ? ", not final" : ""}`;
      answers.answer(item, signed, index, text, item.code);
    }
  },
  undeliverable(answers, signed, index) {
    const { header_id: header, recipient, code } = signed.body;
    const place = answers.messages.get(hex(header))?.places.find((one) => one.member === recipient);
    if (!place) return;
    answers.step(header, signed, index, recipient);
    if (place.says !== NOT_SHOWN) return;
    place.says = `undeliverable (${words("UndeliverableCode", code)})`;
    place.entry = index;
  },
  overdue(answers, signed, index) {
    const { header_id: header, recipient, anchor } = signed.body;
    const place = answers.messages.get(hex(header))?.places.find((one) => one.member === recipient);
    if (!place) return;
    if (place.final !== null && place.final < parseCheckpoint(anchor).size) answers.say(index, `refuted by entry ${place.final}`);
    else answers.step(header, signed, index, recipient);
  },
  erasure(answers, signed, index) {
    for (const header of signed.body.header_ids) answers.step(header, signed, index, "");
  },
  "re-wrap"(answers, signed, index) {
    const header = signed.body.header_id;
    if (answers.messages.get(hex(header))?.author === signed.author) answers.step(header, signed, index, "");
  },
  void(answers, signed, index) {
    answers.step(signed.body.annulled_id, signed, index, signed.body.recipient);
  },
  contest(answers, signed, index) {
    const entry = answers.entryOf(signed.body.statement_id);
    answers.say(index, entry === undefined ? "what it contests is not shown" : `it contests entry ${entry}`);
    if (entry !== undefined) answers.say(entry, `contested by ${signed.author}, entry ${index}`);
  },
};

/** What its author asserts, and no more than that. */
function says({ statement, body }) {
  const speak = SAYS[statement.type];
  return speak ? speak(body) : `a ${statement.type} Statement`;
}

const SAYS = {
  delivered: (body) => `${body.items.length} message(s) durable, opened and valid at ${body.member}`,
  refused: (body) => `${body.items.length} message(s) not accepted by ${body.member}`,
  void: (body) => `number ${body.sequence} to ${body.recipient} has no message`,
  "high-water": (body) => `number ${body.sequence} to ${body.recipient} is the highest with a receipt`,
  "re-wrap": (body) => `the same content key wrapped again for recipient ${body.recipient_index}`,
  undeliverable: (body) => `the relay could not serve ${body.recipient}`,
  overdue: (body) =>
    `no final answer of ${body.recipient} stood in the log at size ${parseCheckpoint(body.anchor).size}`,
  erasure: (body) =>
    `${body.author} says that it destroyed the ${words("ErasedPart", body.what)} of ` +
    `${body.header_ids.length} message(s): no proof of absence`,
  prekey: (body) => `prekey ${body.epoch} of ${body.member}`,
  "tls-keys": (body) => `set ${body.number} of door certificates of ${body.member}`,
  revocation: (body) => `revokes key ${hex(body.key_id)} of ${body.member}`,
  suspension: (body) => `holds back ${body.member} from here on`,
  clock: (body) => `an anchor of ${parseCheckpoint(body.anchor).size} entries was seen`,
  contest: (body) => `${body.member} says that a change in its name was not made by it`,
  "board-recovery": (body) => `the board of ${body.member} names a new key; all others are revoked`,
};
