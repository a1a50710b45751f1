// The report on the page (SPEC section 12.3): what holds, as of what, and what is not claimed.

import { hex } from "./bytes.js";
import { code, el, quoted } from "./inert.js";
import { anchorLine, heldSteps, when } from "./steps.js";
import { table } from "./tables.js";

const STOOD = "valid";

/** Elements of a file that holds. */
export function reportOf(report, verifier) {
  const { directory, anchor, messages, facts, forks } = report;
  return [
    warnings(report, verifier),
    el(
      "dl",
      {},
      ...row("Network", quoted(directory.body.name), " ", code(hex(report.networkId))),
      ...row("As of", `Directory version ${directory.body.version}, log size ${anchor.checkpoint.size}`),
      ...row("Anchor", anchorLine(anchor)),
      ...(anchor.witnesses.length ? row("Witnesses", anchor.witnesses.join(", ")) : []),
    ),
    el("h3", {}, "The checks"),
    heldSteps(report, verifier),
    algorithms(verifier),
    el("h3", {}, "Directories"),
    directoriesOf(report),
    el("h3", {}, "Messages"),
    messages.length ? table(messages, (one) => messageOf(one, report)) : el("p", {}, "No message is shown."),
    el("h3", {}, "Other entries"),
    facts.length ? factsOf(facts, report) : el("p", {}, "None."),
    forks.length ? el("h3", {}, "Forks") : [],
    forks.map((one) =>
      el("p", { class: "warn" }, `The log's key signed notes of ${one.older} and ${one.newer} entries that cannot both be true.`),
    ),
    disclosures(report.disclosed),
    el("h3", {}, "What this does not say"),
    el(
      "p",
      {},
      "What is not in the file is not shown here. A missing acknowledgement proves nothing, and a later Directory, " +
        "revocation or suspension that was left out could change a verdict: who needs certainty asks an auditor, who sees every entry.",
    ),
  ].flat();
}

function row(name, ...value) {
  return [el("dt", {}, name), el("dd", {}, ...value)];
}

function warnings({ directory, anchor, forks }, verifier) {
  const found = [];
  const missing = Object.entries(verifier.unchecked).filter(([, count]) => count > 0);
  for (const [name, count] of missing) {
    found.push(`NOT CHECKED: ${count} ${name} signatures. This browser lacks the algorithm; what is said here rests on the other half of each signature.`);
  }
  if (!anchor.hasQuorum) found.push("BELOW THE QUORUM: that the log holds this is the relay's word alone.");
  if (anchor.quorum.n === 0) found.push("No witnesses: that the log holds this, and the time, is the relay's word alone.");
  if (directory.body.exercise) found.push("This is an exercise network.");
  if (forks.length) found.push("This file proves that the log's key signed two views of the log.");
  return found.map((text) => el("p", { class: "warn" }, text));
}

function algorithms(verifier) {
  const lines = Object.keys(verifier.able).map((name) =>
    el(
      "li",
      {},
      verifier.able[name]
        ? `${name}: ${verifier.checked[name]} signatures checked`
        : `${name}: not checked, this browser lacks it (${verifier.unchecked[name]} signatures)`,
    ),
  );
  return el("ul", { class: "algorithms" }, lines);
}

function messageOf(message, report) {
  const { core, places, steps, index } = message;
  const name = (id) => {
    const record = report.directory.members.get(id);
    return record ? [`${id} (`, quoted(record.name), ")"] : [id];
  };
  const places_ = places.map(({ member, sequence, says, entry }) =>
    el("tr", {}, el("th", { scope: "row" }, ...name(member)), cell(`${sequence}`), cell(says), cell(entry ?? "")),
  );
  return el(
    "article",
    {},
    el("h4", {}, "Message ", code(message.id)),
    el(
      "dl",
      {},
      ...row("From", ...name(message.author)),
      ...row("Verdict", verdict(message.verdict)),
      ...row("Logged", `entry ${index}`),
      ...row("Written", `${when(core.created_minutes * 60)} by the sender's clock`),
      ...(core.urgent ? row("Urgent", "yes") : []),
      ...(core.supersedes.length ? row("Replaces", code(hex(core.supersedes))) : []),
      ...row("Lifetime", `${(core.lifetime_seconds / 86_400).toFixed(1)} days after the relay accepted it`),
      ...row("Judged by its sender with", `Directory version ${core.directory_version}`),
      ...row("Attachments", `${core.streams.length - 1}`),
      ...beside(report, index),
    ),
    grid(`Recipients of this message`, ["Recipient", "Number", "Answer", "Entry"], places_),
    steps.length
      ? grid(
          "What followed",
          ["Entry", "Stage", "By", "For", "Verdict", "It asserts", "It does not assert", "ETSI EN 319 522-1"],
          steps.map(({ index: at, row: stage, author, member, verdict: worth }) =>
            el("tr", {}, cell(at), cell(stage.stage), cell(author), cell(member), el("td", {}, verdict(worth)), cell(stage.asserts), cell(stage.asserts_not), cell(stage.event)),
          ),
        )
      : [],
  );
}

function directoriesOf(report) {
  const { directories } = report;
  return table(
    directories,
    ({ version, index, roots, threshold, members, issued, expires, closed }) =>
      el(
        "tr",
        {},
        cell(version),
        cell(index),
        cell(`${roots} (threshold ${threshold})`),
        cell(members),
        cell(when(issued * 60)),
        cell(when(expires * 60)),
        cell([closed ? "it ends the log" : "", ...report.beside(index)].filter(Boolean).join("; ")),
      ),
    (rows) => grid("Versions, as signed by the roots", ["Version", "Entry", "Roots signed", "Members", "Issued", "Meant until", "Notes"], rows),
  );
}

function factsOf(facts, report) {
  return table(
    facts,
    ({ index, type, author, verdict: worth, says }) =>
      el("tr", {}, cell(index), cell(type), cell(author), el("td", {}, verdict(worth)), cell([says, ...report.beside(index)].join("; "))),
    (rows) => grid("Statements in log order", ["Entry", "Type", "By", "Verdict", "It says"], rows),
  );
}

function beside(report, index) {
  const more = report.beside(index);
  return more.length ? row("Beside it", more.join("; ")) : [];
}

function disclosures(found) {
  if (!found.length) return [];
  return [
    el("h3", {}, "Disclosed"),
    ...found.map(({ header, stream, size, sha256, data, payload }) => {
      const saved = payload ? new Blob([payload.content]) : data;
      const link = el("a", { href: URL.createObjectURL(saved), download: `message-${header.slice(0, 8)}-stream-${stream}.bin` }, "Save");
      return el(
        "article",
        {},
        el("h4", {}, stream ? `Attachment ${stream} of message ` : "Content of message ", code(header)),
        el(
          "dl",
          {},
          ...row("Size", `${size} bytes`),
          ...row("SHA-256", sha256 ? code(sha256) : "too large to digest here; it hashes to the root in the header"),
          ...(payload?.attachments ?? []).flatMap((one, at) =>
            row(`Attachment ${at + 1}`, quoted(one.name), ` (`, quoted(one.media_type), `), ${one.size} bytes, in the sender's words`),
          ),
        ),
        el("p", {}, link, " (the sender's bytes: open them with care)"),
      );
    }),
  ];
}

function verdict(worth) {
  return el("strong", { class: worth === STOOD ? "valid" : worth }, worth);
}

function cell(text) {
  return el("td", {}, text);
}

function grid(caption, heads, rows) {
  const top = el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)));
  const inner = el("table", {}, el("caption", {}, caption), el("thead", {}, top), el("tbody", {}, rows));
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption }, inner);
}
