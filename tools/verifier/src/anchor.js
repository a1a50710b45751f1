// Anchors: the log's two lines, its witnesses, the time they agree on (SPEC section 9.3).

import { exact } from "./bytes.js";
import { COSIGNED_ED25519, COSIGNED_ML_DSA_44, linesOf, originOf, parseCheckpoint } from "./note.js";
import { verifyCosignature, verifyLogLine, verifyMlDsa44 } from "./note.js";
import { must } from "./refusal.js";

/** A note's anchor by the keys that `directory` names for its size; below the quorum it opens and says so. */
export async function openAnchor(raw, directory, verifier) {
  const checkpoint = parseCheckpoint(raw);
  const origin = originOf(directory.networkId);
  must(checkpoint.origin === origin, "context", "a note of another log");
  const log = directory.logKey(checkpoint.size);
  await verifyLogLine(checkpoint, origin, log, verifier);
  const own = await linesOf(checkpoint, origin, COSIGNED_ML_DSA_44, log.ml_dsa_44);
  must(own.length === 1, "log", "not one ML-DSA-44 line of the log");
  const logTime = await verifyMlDsa44(checkpoint, log.ml_dsa_44, own[0], verifier);
  const signed = [];
  for (const witness of directory.witnesses(checkpoint.size)) {
    const time = await witnessTime(checkpoint, witness, verifier);
    if (time !== null) signed.push({ name: witness.name, time });
  }
  const times = signed.map((one) => one.time).sort((a, b) => (a < b ? -1 : Number(a > b)));
  const quorum = directory.quorum(checkpoint.size);
  return {
    checkpoint,
    time: exact(times.length > 0 ? times[(times.length - 1) >> 1] : logTime),
    relaysClock: times.length === 0,
    witnesses: signed.map((one) => one.name),
    quorum,
    hasQuorum: signed.length >= quorum.k,
  };
}

/** Null if it has not signed; both its lines, once, holding, at one time, or the anchor is refused. */
async function witnessTime(checkpoint, witness, verifier) {
  const classical = await linesOf(checkpoint, witness.name, COSIGNED_ED25519, witness.ed25519);
  const quantum = await linesOf(checkpoint, witness.name, COSIGNED_ML_DSA_44, witness.ml_dsa_44);
  if (classical.length === 0 && quantum.length === 0) return null;
  must(classical.length === 1 && quantum.length === 1, "log", `${witness.name}: one line alone, or one twice`);
  const time = await verifyCosignature(checkpoint, witness.ed25519, classical[0], verifier);
  const other = await verifyMlDsa44(checkpoint, witness.ml_dsa_44, quantum[0], verifier);
  must(time === other, "log", `${witness.name}: two times`);
  return time;
}
