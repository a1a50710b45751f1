// The checks of SPEC section 12.2 in their order, and what came of each.

import { el } from "./inert.js";

const TITLES = [
  "The file begins as evidence of the network whose fingerprint you typed",
  "Every entry stands in the log: its inclusion proof leads to the anchor's root",
  "The Directories form one chain from the genesis, each signed by enough root keys",
  "Each Statement is signed as its body says, by keys that counted at its place in the log",
  "Each acknowledgement fits a message shown here, its entry and its recipient",
  "The file is whole, and the log and its witnesses signed the anchor",
  "Revocations shown in the file are applied to what was signed before them",
  "Each proof of a fork shows two views that the log's key signed",
  "What is disclosed is what the header commits to",
];
const OUTCOMES = {
  held: "held",
  part: "held as far as this browser can check",
  none: "nothing to check",
  refused: "REFUSED",
  open: "not finished",
};

/** After a report: everything held, or could not be checked here. */
export function heldSteps(report, verifier) {
  const { messages, facts, anchor, forks, disclosed, directory } = report;
  const invalid = facts.filter((one) => one.verdict === "invalid").length;
  const disputed = [...messages, ...facts].filter((one) => one.verdict === "disputed").length;
  const answers = facts.filter((one) => ["delivered", "refused"].includes(one.type) && one.verdict !== "invalid").length;
  const statements = messages.length + facts.length;
  const missing = (...names) => names.some((name) => verifier.unchecked[name] > 0);
  const signed = missing("Ed25519", "ML-DSA-65") ? "part" : "held";
  const details = [
    ["held", "format 1"],
    ["held", `${statements + directory.body.version} entries, in log order, in a tree of ${anchor.checkpoint.size}`],
    [signed, `version 1 to ${directory.body.version}`],
    [statements ? signed : "none", `${statements - invalid} count, ${invalid} are logged and do not count`],
    [answers ? "held" : "none", `${answers} acknowledgements; what does not fit is marked below`],
    [missing("Ed25519", "ML-DSA-44") ? "part" : "held", `${report.records} records; ${anchorLine(anchor)}`],
    [statements ? "held" : "none", `${disputed} disputed`],
    [forks.length ? signed : "none", `${forks.length} proofs of a fork`],
    [disclosed.length ? "held" : "none", `${disclosed.length} streams disclosed`],
  ];
  return list(details);
}

/** After a refusal at a step: what is behind it was not reached. */
export function refusedSteps(step, why) {
  // Steps 2 to 5 go record by record: where one of them refuses, none of them was finished.
  const held = step > 5 ? step - 1 : step === 1 ? 0 : 1;
  return list(
    TITLES.map((_, at) => {
      if (at + 1 === step) return ["refused", why];
      // 8 and 9 are at work before 6: the anchor is opened last.
      return at < held && !(step > 7 && at >= 5) ? ["held", ""] : ["open", ""];
    }),
  );
}

function list(details) {
  return el(
    "ol",
    { class: "steps" },
    details.map(([outcome, more], at) =>
      el(
        "li",
        { class: outcome },
        el("span", { class: "what" }, TITLES[at]),
        el("strong", { class: "outcome" }, OUTCOMES[outcome]),
        more ? el("span", { class: "more" }, more) : [],
      ),
    ),
  );
}

/** How many of how many witnesses, and whose clock: SPEC 12.3. */
export function anchorLine({ witnesses, quorum, relaysClock, time }) {
  const clock = relaysClock ? "relay's clock" : "witnesses' clocks";
  return `${witnesses.length} of ${quorum.n} witnesses (quorum ${quorum.k}), ${when(time)} by the ${clock}`;
}

/** Seconds since 1970 as a person reads them. */
export function when(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} seconds after 1970` : date.toISOString().replace("T", " ").slice(0, 16) + " UTC";
}
