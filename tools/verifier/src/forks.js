// Proof that the log's key has signed two views (SPEC section 12.2, step 8).

import { same } from "./bytes.js";
import { originOf, parseCheckpoint, verifyLogLine } from "./note.js";
import { must } from "./refusal.js";
import { mustFollow } from "./tree.js";

/** The two sizes; or a Refusal, for then it proves nothing. */
export async function checkFork(fork, directory, verifier) {
  const older = await opened(fork.older, directory, verifier);
  const newer = await opened(fork.newer, directory, verifier);
  must(older.size <= newer.size, "log", "an older note that is the larger");
  if (older.size === newer.size) {
    must(fork.root.length === 0 && fork.proof.length === 0, "log", "a proof between notes of one size");
    must(!same(older.root, newer.root), "log", "two notes that agree");
  } else {
    must(fork.root.length > 0 && !same(fork.root, older.root), "log", "a root that does not contradict the note");
    await mustFollow({ size: older.size, root: fork.root }, newer, fork.proof);
  }
  return { older: older.size, newer: newer.size };
}

async function opened(raw, directory, verifier) {
  const checkpoint = parseCheckpoint(raw);
  must(checkpoint.origin === originOf(directory.networkId), "context", "a note of another log");
  const key = directory.logKey(checkpoint.size);
  await verifyLogLine(checkpoint, checkpoint.origin, key, verifier);
  return checkpoint;
}
