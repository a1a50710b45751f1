// Verifying a Statement at a log index, in the order of SPEC section 4.3.

import { hex, same } from "./bytes.js";
import { openAnchor } from "./anchor.js";
import { mustHold } from "./chain.js";
import { checkHeader } from "./header.js";
import { must, Refusal } from "./refusal.js";
import { ENUMS } from "./schema.js";
import { decode } from "./wire.js";

// 4.2: who signs it, in which field it names itself, in which an anchor stands.
const RULES = {
  header: { by: ["member"], own: "sender" },
  delivered: { by: ["member"], own: "member" },
  refused: { by: ["member"], own: "member" },
  void: { by: ["member"], own: "sender" },
  "high-water": { by: ["member"], own: "sender" },
  "re-wrap": { by: ["member"] },
  undeliverable: { by: ["relay"] },
  overdue: { by: ["relay"], anchor: "anchor" },
  erasure: { by: ["member", "relay"], own: "author", anchor: "anchor" },
  prekey: { by: ["member"], own: "member" },
  "tls-keys": { by: ["member"], own: "member" },
  revocation: { by: ["member", "root"], anchor: "cut" },
  suspension: { by: ["root"], anchor: "anchor" },
  clock: { by: ["member", "relay"], anchor: "anchor" },
  contest: { by: ["member"], own: "member" },
  "board-recovery": { by: ["board"], own: "member", anchor: "cut" },
};

/** Steps 2 to 8 for a Statement that `parse` has made; what it is if it counts, else a Refusal. */
export async function authenticate(statement, state, index, verifier) {
  const { networkId } = state.directory;
  // 2, 4: the encoding is checked while it is read; nothing of it is used before the signatures hold.
  const body = decode(statement.message, statement.body);
  const core = statement.type === "header" ? decode("HeaderCore", body.core) : body;
  // 3
  const signers = statement.blocks.map((block) => hex(block.keyId));
  must(new Set(signers).size === signers.length, "signature", "a key signs twice");
  const keys = [];
  for (const block of statement.blocks) {
    const key = state.key(hex(block.keyId));
    must(key !== undefined, "signature", `no known key ${hex(block.keyId)}`);
    await mustHold(statement, block, key.record, networkId, verifier);
    keys.push(key);
  }
  // 4
  const rule = RULES[statement.type];
  must(rule !== undefined, "signature", `a ${statement.type} Statement is not judged by itself`);
  const named = core.signers;
  const asNamed = named.length === keys.length && statement.blocks.every((one, at) => same(one.keyId, named[at]));
  must(asNamed, "signature", "signed by others, or in another order, than the body says");
  // 5
  const [{ kind, holder: author }] = keys;
  const together = keys.every((key) => key.kind === kind && key.holder === author);
  must(together, "signature", "signed by keys of two");
  must(rule.by.includes(kind), "signature", `a ${statement.type} Statement is not for a ${kind} to sign`);
  // 6
  for (const key of keys) mustLive(key, statement.type, state, index);
  const verdict = state.verdict(signers, index);
  must(verdict !== "invalid", "signature", `a key of ${author} was revoked`);
  // 7
  must(!rule.own || core[rule.own] === author, "signature", `${author} signs in another's name`);
  // 8
  checkType(statement, body, core, keys, state, index);
  const anchor = rule.anchor ? await anchorInside(body[rule.anchor], state, index, verifier) : null;
  return { statement, body, core, kind, author, signers, verdict, anchor };
}

function mustLive(key, type, state, index) {
  const { directory } = state;
  must(!directory.body.closed || index <= directory.index, "signature", "the log had ended");
  if (type === "contest") {
    // Those whose keys were taken away still have a voice.
    must(index > key.began, "signature", `a key of ${key.holder} that had not begun`);
    return;
  }
  must(index > key.began && index <= key.ended, "signature", `a key of ${key.holder} that did not live then`);
  if (key.kind !== "member" && key.kind !== "board") return;
  const member = directory.members.get(key.holder);
  const active = member?.status === ENUMS.MemberStatus.MEMBER_STATUS_ACTIVE;
  must(active && !state.isSuspended(key.holder), "signature", `${key.holder} was suspended, or had left`);
}

function checkType(statement, body, core, keys, state, index) {
  const { directory } = state;
  const { kind, holder: author } = keys[0];
  const member = directory.members.get(author);
  if (statement.type === "header") {
    const auditor = member.role === ENUMS.MemberRole.MEMBER_ROLE_AUDITOR;
    must(!auditor, "context", "an auditor sends no messages");
    const asked = core.urgent ? directory.persons(member, ENUMS.PolicyAct.POLICY_ACT_URGENT) : 1;
    const persons = new Set(keys.map((key) => key.label)).size;
    must(persons >= asked, "signature", `an urgent message that ${asked} persons must sign`);
    checkHeader(body, core);
  }
  if (statement.type === "revocation" && kind === "member") {
    must(body.member === author, "signature", `${author} revokes another's key`);
  }
  if (statement.type === "revocation" && kind === "root") {
    must(keys.length >= directory.body.root_threshold, "signature", "too few roots");
  }
  if (statement.type === "board-recovery") {
    must(keys.length >= member.board_threshold, "signature", "too few of a board");
  }
  if (statement.type === "high-water") {
    must(body.log_size <= index, "context", "a tree above the Statement that speaks of it");
  }
}

/** 11.1: its form by its own codes, everything else is bytes in the wrong place. */
async function anchorInside(note, state, index, verifier) {
  try {
    const anchor = await openAnchor(note, state.directory, verifier);
    must(anchor.checkpoint.size <= index, "context", "an anchor above the Statement that holds it");
    return anchor;
  } catch (error) {
    if (!(error instanceof Refusal) || ["malformed", "limit"].includes(error.code)) throw error;
    throw new Refusal("context", `the anchor inside: ${error.message}`);
  }
}
