"""Faults of anchors: the log's ML-DSA-44 line, the witnesses' lines (SPEC 9.3)."""

import base64

from mce_exchange.log import note as notes
from mce_exchange.log.note import Algorithm, Note, Signature
from tools.vectors.files import Fault, Faults, Good
from tools.vectors.world import COSIGNERS, NOW, World


def anchors(world: World, good: Good) -> Faults:
    """The log's ML-DSA-44 line, and the witnesses'; two of three have signed the base."""
    whole: bytes = good.input["note"]
    parsed = notes.parse(whole)
    log, log_pq, be, be_pq, es, es_pq = parsed.signatures
    good_lines = parsed.signatures

    def fault(name: str, says: str, *lines: Signature, text: str = parsed.text) -> Fault:
        return Fault(
            name=f"anchor-{name}",
            expect="log",
            section="9.3",
            says=says,
            input={"note": Note(text, lines).encode()},
        )

    def changed(line: Signature, at: int) -> Signature:
        value = line.value[:at] + bytes([line.value[at] ^ 1]) + line.value[at + 1 :]
        return Signature(line.name, line.key_hash, value)

    def timed(line: Signature, time: int) -> Signature:
        return Signature(line.name, line.key_hash, time.to_bytes(8, "big") + line.value[8:])

    rest = (be, be_pq, es, es_pq)
    size = int(parsed.text.split("\n")[1])
    larger = parsed.text.replace(f"\n{size}\n", f"\n{size + 1}\n")
    yield fault("without-log", "the log's Ed25519 line is missing", log_pq, *rest)
    yield fault("without-ml-dsa", "the log's ML-DSA-44 line is missing", log, *rest)
    yield fault("ml-dsa-twice", "the log's ML-DSA-44 line twice", log, log_pq, log_pq, *rest)
    yield fault("ed25519-twice", "the log's Ed25519 line twice", log, log, log_pq, *rest)
    yield fault("ml-dsa-bit-flipped", "one bit of the log's ML-DSA-44 line", log, changed(log_pq, 100), *rest)
    yield fault("ml-dsa-time-changed", "another time than was signed", log, timed(log_pq, NOW + 1), *rest)
    cut = Signature(log_pq.name, log_pq.key_hash, log_pq.value[:-1])
    yield fault("ml-dsa-cut", "the ML-DSA-44 line a byte short", log, cut, *rest)
    yield fault(
        "of-another-size",
        "both lines over another tree",
        *good_lines,
        text=larger,
    )
    zero = _ml_dsa(parsed.text, log_pq.name, 0, "log-1")
    yield fault("time-0", "the log's line with no time", log, zero, *rest)
    beyond = _ml_dsa(parsed.text, log_pq.name, 2**63, "log-1")
    yield fault("time-2-63", "a time above the cap", log, beyond, *rest)
    yield fault("witness-ed25519-alone", "a witness without its ML-DSA-44 line", log, log_pq, be, es, es_pq)
    yield fault("witness-ml-dsa-alone", "a witness without its Ed25519 line", log, log_pq, be_pq, es, es_pq)
    yield fault("witness-ed25519-twice", "a witness's Ed25519 line twice", log, log_pq, be, be, be_pq)
    yield fault("witness-ml-dsa-twice", "a witness's ML-DSA-44 line twice", log, log_pq, be, be_pq, be_pq)
    yield fault(
        "witness-ed25519-bit-flipped",
        "one bit of a witness's Ed25519 line",
        log,
        log_pq,
        changed(be, 30),
        be_pq,
    )
    yield fault(
        "witness-ml-dsa-bit-flipped",
        "one bit of a witness's ML-DSA-44 line",
        log,
        log_pq,
        be,
        changed(be_pq, 300),
    )
    for name, value in (("cut", be.value[:-1]), ("longer", be.value + b"\0")):
        line = Signature(be.name, be.key_hash, value)
        says = "a witness's Ed25519 line of another length"
        yield fault(f"witness-ed25519-{name}", says, log, log_pq, line, be_pq)
    two = _ml_dsa(parsed.text, be.name, NOW + 8, "witness-be")
    yield fault("witness-two-times", "a witness's lines over two times", log, log_pq, be, two)
    early = _ed25519(parsed.text, be.name, 0, "witness-be")
    yield fault("witness-time-0-alone", "a witness's Ed25519 line alone, with no time", log, log_pq, early)
    none = _ml_dsa(parsed.text, be.name, 0, "witness-be")
    yield fault("witness-time-0", "a witness's lines with no time", log, log_pq, early, none)
    of_es = _ed25519(parsed.text, be.name, NOW + 7, "witness-es", claims="witness-be")
    yield fault(
        "witness-signed-by-another", "another witness's signature under its name", log, log_pq, of_es, be_pq
    )
    swapped = Signature(be_pq.name, be_pq.key_hash, es_pq.value)
    yield fault(
        "witness-lines-of-another",
        "another witness's ML-DSA-44 line under its name",
        log,
        log_pq,
        be,
        swapped,
    )
    plain = Signature(
        be.name, be.key_hash, be.value[:8] + COSIGNERS["witness-be"].keys[0].sign(parsed.text.encode())
    )
    yield fault(
        "witness-signs-the-bare-note", "a witness signs the text without its time", log, log_pq, plain, be_pq
    )


def _ml_dsa(text: str, name: str, time: int, key: str) -> Signature:
    origin, size, root, _ = text.split("\n")
    message = b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(name)]) + name.encode(),
            time.to_bytes(8, "big"),
            bytes([len(origin)]) + origin.encode(),
            bytes(8),
            int(size).to_bytes(8, "big"),
            base64.b64decode(root),
        )
    )
    ml_dsa_44 = COSIGNERS[key].keys[1]
    hash_ = notes.key_hash(name, Algorithm.COSIGNATURE_ML_DSA_44, ml_dsa_44.public)
    return Signature(name, hash_, time.to_bytes(8, "big") + ml_dsa_44.sign(message))


def _ed25519(text: str, name: str, time: int, key: str, *, claims: str = "") -> Signature:
    message = f"cosignature/v1\ntime {time}\n{text}".encode()
    public = COSIGNERS[claims or key].keys[0].public
    hash_ = notes.key_hash(name, Algorithm.COSIGNATURE_ED25519, public)
    return Signature(name, hash_, time.to_bytes(8, "big") + COSIGNERS[key].keys[0].sign(message))
