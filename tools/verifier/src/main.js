// The page: a file, a fingerprint, and what the file proves. Nothing leaves the browser.

import { verifyEvidence } from "./evidence.js";
import { readFingerprint } from "./fingerprint.js";
import { el, inert, quoted } from "./inert.js";
import { Refusal } from "./refusal.js";
import { reportOf } from "./report.js";
import { Verifier } from "./signatures.js";
import { refusedSteps } from "./steps.js";

const find = (id) => document.getElementById(id);
if (!globalThis.crypto?.subtle) throw new Error("no WebCrypto here");
const [form, input, drop, typed] = ["form", "file", "drop", "fingerprint"].map(find);
const [go, cancel, bar, said, result] = ["go", "cancel", "bar", "said", "result"].map(find);

class Cancelled extends Error {}

let stop = false;

function choose() {
  const [file] = input.files;
  find("chosen").replaceChildren(file ? quoted(file.name) : "No file chosen", file ? `, ${file.size} bytes` : "");
}

/** One at a time: the form is shut while a file is read. */
async function run(event) {
  event.preventDefault();
  result.replaceChildren();
  // Asked for anew: the same name chosen again is no change, but may be another file.
  const [file] = input.files;
  if (!file) return tell("Choose an evidence file first.");
  const verifier = await Verifier.detect();
  const trace = { step: 1 };
  let networkId;
  try {
    networkId = await readFingerprint(typed.value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    typed.setAttribute("aria-invalid", "true");
    typed.focus();
    return tell(error.message);
  }
  typed.removeAttribute("aria-invalid");
  busy(true);
  tell("Verifying.");
  try {
    const progress = (read) => {
      if (stop) throw new Cancelled();
      bar.value = read / file.size;
    };
    const report = await verifyEvidence(file, networkId, verifier, { progress, trace });
    const whole = Object.values(verifier.unchecked).every((count) => count === 0);
    const title = `The file holds${whole ? "" : " as far as this browser can check"}`;
    show(file, whole ? "held" : "part", title, reportOf(report, verifier));
    tell(`Done. ${title}.`);
  } catch (error) {
    if (error instanceof Cancelled) return tell("Cancelled: nothing was verified.");
    if (!(error instanceof Refusal) || error.code === "usage") {
      // What this browser cannot do, a fault of the page or of the disk: no verdict on the file.
      show(file, "part", "No verdict", [el("p", { class: "warn" }, error.message)]);
      return tell("No verdict.");
    }
    const why = `${error.message} (${error.code})`;
    show(file, "refused", "This file proves nothing", [
      el("p", { class: "warn" }, `Refused at check ${trace.step}: ${why}. A file with one false part proves nothing.`),
      el("h3", {}, "The checks"),
      refusedSteps(trace.step, why),
    ]);
    tell("Done: the file is refused.");
  } finally {
    busy(false);
  }
}

function busy(is) {
  stop = false;
  bar.hidden = cancel.hidden = !is;
  bar.value = 0;
  go.disabled = input.disabled = typed.disabled = is;
}

function tell(text) {
  said.textContent = inert(text);
}

function show(file, outcome, title, elements) {
  const heading = el("h2", { tabindex: "-1", class: outcome }, title);
  const about = el("p", { class: "about" }, "File: ", quoted(file.name), `, ${file.size} bytes. Verified ${new Date().toISOString().slice(0, 16)} UTC.`);
  result.replaceChildren(heading, about, ...elements);
  heading.focus();
}

form.addEventListener("submit", run);
cancel.addEventListener("click", () => (stop = true));
input.addEventListener("change", choose);
for (const name of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragover");
    if (name !== "drop" || go.disabled) return;
    input.files = event.dataTransfer.files;
    choose();
  });
}
// A file that misses its place must not take the page's.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
go.disabled = false;
tell("");
