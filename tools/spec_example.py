"""What SPEC.md shows of the code: the worked example at its head, and the caps of section 10.

ML-DSA signatures, HPKE and certificates are random, so the example's artefacts are made once
(`--write`) and kept under tests/vectors/spec-example; all else follows from the seeds shown. `--check`
verifies every artefact with the library, derives what can be derived, and compares SPEC.md with what
`--update` would put there.
"""

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.scenario_s1 import ScenarioS1  # the checkout's own packages, found a line above
from mce_exchange import case, limits, statement
from mce_exchange.audit.build import Piece, build
from mce_exchange.audit.records import read_records
from mce_exchange.audit.report import Report
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.directory import trust
from mce_exchange.fields import FIELDS, Bound
from mce_exchange.header import Header, read_header, wrap_info
from mce_exchange.keys import PrivateKey
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import To, open_content_key, open_payload, seal, seal_streams
from mce_exchange.statement import Statement, statement_id
from mce_exchange.v1 import evidence_pb2, log_pb2, statement_pb2
from tests.federation import LOG_KEY, NOW_MINUTES, Federation

VECTORS: Final = ROOT / "tests" / "vectors" / "spec-example"
SPEC: Final = ROOT / "SPEC.md"
BEGIN: Final = "<!-- begin {}: written by tools/spec_example.py -->\n```text\n"
END: Final = "```\n<!-- end {} -->\n"
SENDER: Final = "be"
RECIPIENT: Final = "pt"


def key_seed(member: str) -> bytes:
    """The 32-byte seed from which all keys of a member of the example come."""
    return (member.encode() * 32)[:32]


def write() -> None:
    """Make the artefacts anew; SPEC.md then has to be given the new text."""
    federation = Federation((SENDER, RECIPIENT))
    directory = federation.state.directory
    prekey = federation.state.prekey(RECIPIENT)
    if prekey is None:
        raise SystemExit("the example's federation has lost its prekeys")
    content = case.encode(ScenarioS1(canary="canary").request())
    sealed = seal(
        seal_streams(sender=SENDER, recipients=[RECIPIENT], content=content),
        to=[
            To(
                member=RECIPIENT,
                sequence=1,
                previous_id=b"",
                prekey_id=prekey.id,
                prekey=prekey.public_key,
            )
        ],
        network_id=federation.network_id,
        directory_version=1,
        directory_id=directory.id,
        keys=[federation.people[SENDER].key],
        created_minutes=NOW_MINUTES,
        deadline_class=2,
    )
    index = federation.log(sealed.statement.raw)
    receipt = log_pb2.Receipt(
        index=index,
        proof=federation.tree.inclusion_proof(index, federation.tree.size),
        checkpoint=federation.signed_checkpoint(),
    )
    recipient = federation.people[RECIPIENT]
    delivered = statement_pb2.Delivered(signers=[recipient.key.public.id], member=RECIPIENT)
    delivered.items.add(header_id=sealed.id, index=index)
    body = delivered.SerializeToString(deterministic=True)
    answered = federation.log(federation.sign("delivered", body, recipient.key).raw)
    pieces = [Piece(0, federation.genesis.statement, federation.genesis.members)]
    pieces += [Piece(at, federation.raw[at]) for at in (1, 2, index, answered)]
    evidence = build(
        pieces,
        network_id=federation.network_id,
        tree=federation.tree,
        anchor=federation.anchor(),
        anchor_size=federation.tree.size,
    )
    VECTORS.mkdir(parents=True, exist_ok=True)
    for name, data in {
        "example.evidence": b"".join(evidence),
        "receipt.pb": receipt.SerializeToString(deterministic=True),
        "wrap-0.bin": sealed.wraps[0],
        "payload.bin": sealed.payload,
    }.items():
        (VECTORS / name).write_bytes(data)


@dataclass(frozen=True, kw_only=True)
class Example:
    """The artefacts, verified and opened."""

    report: Report
    network_id: bytes
    statements: dict[int, Statement]
    header: Header
    content_key: bytes
    content: bytes
    wrap: bytes
    receipt: Receipt
    anchor: bytes
    evidence: bytes


def read() -> Example:
    """Verify all of it; any error of the library means that code and artefacts have parted."""
    evidence = (VECTORS / "example.evidence").read_bytes()
    statements: dict[int, Statement] = {}
    anchor = b""
    for record in read_records(io.BytesIO(evidence)):
        if record.kind == "directory":
            genesis = evidence_pb2.EvidenceDirectory.FromString(record.data)
            statements[genesis.index] = statement.decode(genesis.bundle.statement)
        elif record.kind == "statement":
            given = evidence_pb2.EvidenceStatement.FromString(record.data)
            statements[given.index] = statement.decode(given.statement)
        elif record.kind == "anchor":
            anchor = evidence_pb2.EvidenceAnchor.FromString(record.data).note
    network_id = trust.network_id_of(statements[0].body)
    report = verify_evidence(io.BytesIO(evidence), network_id=network_id)
    pb = log_pb2.Receipt.FromString((VECTORS / "receipt.pb").read_bytes())
    receipt = Receipt(index=pb.index, proof=tuple(pb.proof), checkpoint=pb.checkpoint)
    signed = statements[receipt.index]
    verify_receipt(
        receipt, LogEntry(signed.public, signed.digest), origin=f"mce1/{network_id.hex()}", key=LOG_KEY
    )
    header = read_header(signed)
    if header.core.encode() != header.core_bytes:
        raise SystemExit("the core does not encode to the bytes carried")
    wrap = (VECTORS / "wrap-0.bin").read_bytes()
    listed = header.wraps[0]
    key = open_content_key(
        header,
        0,
        wrap,
        KemKey(key_seed(RECIPIENT)),
        prekey_id=listed.prekey_id,
        digest=listed.digest,
    )
    opened = open_payload(header, key, (VECTORS / "payload.bin").read_bytes())
    case.check_bytes(opened.content)
    return Example(
        report=report,
        network_id=network_id,
        statements=statements,
        header=header,
        content_key=key,
        content=opened.content,
        wrap=wrap,
        receipt=receipt,
        anchor=anchor,
        evidence=evidence,
    )


def lines(example: Example) -> Iterator[str]:
    """The example, annotated: bytes on the left, meaning on the right, section numbers in brackets."""
    e, network = example, example.network_id
    signed, core = e.statements[e.receipt.index], e.header.core
    yield "THE NETWORK [4.1, 8]"
    yield from field("network id = SHA-256('mce1-genesis' || 0 || body of Directory 1)", network)
    yield from field("Directory 1: Statement id", e.statements[0].id(network))
    yield (
        f"log: 0 Directory 1, 1 prekey of {SENDER}, 2 prekey of {RECIPIENT}, "
        f"{e.receipt.index} the header, 4 'delivered'"
    )
    yield ""
    yield "THE SIGNING KEY OF be [3.2]: Ed25519 and ML-DSA-65 seeds, both 'bebe...be' (32 bytes of ASCII)"
    key = PrivateKey.from_seed(key_seed(SENDER) * 2)
    yield from field("Ed25519 public key", key.public.ed25519)
    yield from field("key id = SHA-256('mce1-key' || 0 || Ed25519 || ML-DSA-65)", key.public.id)
    yield ""
    yield from framing("THE HEADER STATEMENT [4.1]", signed)
    yield from field(
        "header id = SHA-256('mce1-id' || 0 || network id || u8 6 || 'header' || body) [4.1]",
        signed.id(network),
    )
    yield ""
    yield f"ITS BODY [5.1]: field 1, core, {len(e.header.core_bytes)} bytes, in which"
    yield from field("   1 signers: key id", core.signers[0])
    yield "   2 suite: 1"
    yield from field("   3 message_ref", core.message_ref)
    yield f"   4 sender: {core.sender}"
    first = core.recipients[0]
    yield f"   5 recipients[0]: member {first.member}, sequence {first.sequence}, no previous_id"
    yield f"   6 directory_version: {core.directory_version}"
    yield "   7 directory_id: the Statement id of Directory 1 above"
    yield from field(
        f"   8 streams[0]: padded_size {core.streams[0].padded_size}; root", core.streams[0].root
    )
    yield from field("     commitment", core.streams[0].commitment)
    yield f"   9 created_minutes: {core.created_minutes}"
    yield f"  10 lifetime_seconds: {core.lifetime_seconds}"
    yield f"  11 deadline_class: {core.deadline_class}; not urgent (12), supersedes nothing (13): both absent"
    yield "and field 2, wraps[0]:"
    yield from field("   1 prekey_id = Statement id of entry 2", e.header.wraps[0].prekey_id)
    yield from field("   2 digest = SHA-256(wrap)", e.header.wraps[0].digest)
    yield from field("the core as carried", e.header.core_bytes)
    yield ""
    yield "THE WRAP [5.2]: 1,168 bytes, HPKE base mode, plaintext the content key"
    yield from field("SHA-256(core)", e.header.core_hash)
    yield from field("info", wrap_info(e.header.core_hash, 0, e.header.wraps[0].prekey_id))
    yield from field("enc || ciphertext", e.wrap, whole=False)
    yield "X-Wing seed of pt: 'ptpt...pt' (32 bytes of ASCII)"
    yield from field("content key", e.content_key)
    yield ""
    yield "STREAM 0 [6]"
    secret = stream_secret(e.content_key, core.message_ref, 0)
    yield from field("s_0 = HKDF-SHA256(content key, salt message_ref, info 'mce1/stream' || u32 0)", secret)
    stream_key, commitment = stream_keys(secret)
    yield from field(
        "key_0, the first half of HKDF-SHA256(s_0, info 'mce1/key-commit', 64 bytes)", stream_key
    )
    yield from field("commitment_0, the second half", commitment)
    size = core.streams[0].padded_size
    yield f"plaintext: u64 length, a Payload with {len(e.content)} bytes of content [7], zeros to {size}"
    yield ""
    yield "THE LOG ENTRY [9.3]: 34 bytes"
    entry = LogEntry(signed.public, signed.digest)
    yield from field("version 1, class 0 (private), SHA-256(signed Statement)", entry.encode())
    yield from field("leaf hash = SHA-256(0 || entry)", entry.leaf_hash)
    yield ""
    yield f"THE RECEIPT [9.3]: index {e.receipt.index}, {len(e.receipt.proof)} hashes of proof, a checkpoint"
    for number, one in enumerate(e.receipt.proof):
        yield from field(f"proof[{number}]", one)
    yield from note(e.receipt.checkpoint)
    yield ""
    answer = e.statements[4]
    yield from framing("THE ACKNOWLEDGEMENT [4.2, 9.4]", answer)
    yield from field(
        "its body: signers, member pt, items[0] = header id, index 3, recipient_index 0 (absent)", answer.body
    )
    yield from field("its id", statement_id(network, answer.type, answer.body))
    yield ""
    yield "THE ANCHOR [9.3]: the same tree grown to 5, with the log's ML-DSA-44 line and its time"
    yield from note(e.anchor)
    yield ""
    yield f"THE EVIDENCE FILE [12]: {len(e.evidence)} bytes"
    for record in read_records(io.BytesIO(e.evidence)):
        head = record.encode()[: -len(record.data)].hex(" ")
        yield f"{head}  {record.kind}, {len(record.data)} bytes"
    yield from field("the end record", record.encode())
    yield ""
    yield "AND WHAT IT SHOWS"
    yield from e.report.lines()


def framing(title: str, signed: Statement) -> Iterator[str]:
    """A Statement's bytes, part by part."""
    name = signed.type.encode()
    block = signed.blocks[0]
    yield f"{title}: {len(signed.raw)} bytes"
    yield f"{len(name):02x}{name.hex()}".ljust(40) + f"u8 length, type '{signed.type}'"
    yield len(signed.body).to_bytes(4, "big").hex().ljust(40) + f"u32 length of the body, {len(signed.body)}"
    yield f"{signed.body[:8].hex()}...".ljust(40) + "the body"
    yield "01".ljust(40) + "one block"
    yield f"{block.signer[:8].hex()}...".ljust(40) + "signer key id, 32 bytes"
    yield f"{block.ed25519[:8].hex()}...".ljust(40) + f"Ed25519, {limits.ED25519_SIGNATURE} bytes"
    yield f"{block.ml_dsa_65[:8].hex()}...".ljust(40) + f"ML-DSA-65, {limits.ML_DSA_65_SIGNATURE:,} bytes"
    yield from field("SHA-256 of these bytes", sha256(signed.raw))


def field(what: str, value: bytes, *, whole: bool = True) -> Iterator[str]:
    """A name, and its bytes in hex below it."""
    yield what
    shown = value if whole else value[:32]
    for at in range(0, len(shown), 40):
        yield f"       {shown[at : at + 40].hex()}"
    if not whole:
        yield f"       ... {len(value)} bytes"


def note(data: bytes) -> Iterator[str]:
    """A signed note; long signature lines cut."""
    for line in data.decode().splitlines():
        yield "  | " + (line if len(line) <= 200 else f"{line[:140]}... {len(line.encode())} bytes")


def caps() -> Iterator[str]:
    """Every cap of `limits`: bytes, or a number of things."""
    for name, value in vars(limits).items():
        if name.isupper() and isinstance(value, int):
            yield f"{name.lower().replace('_', ' '):<28}{value:>24,}"


def bounds() -> Iterator[str]:
    """Every field of `fields`: length in bytes or value, and how many times."""
    for name, row in FIELDS.items():
        yield name.removeprefix("mce_exchange.v1.")
        for field_name, bound in row.items():
            yield f"    {field_name:<22}{_range(bound):<34}{_times(bound)}"


def _range(bound: Bound) -> str:
    # A bound of 2**63 - 1 stands where the value itself is compared with what is known.
    high = "any" if bound.high >= 2**63 - 1 else f"{bound.high:,}"
    return high if bound.low == bound.high else f"{bound.low:,} to {high}"


def _times(bound: Bound) -> str:
    words = {(1, 1): "required", (0, 1): "optional"}
    return words.get((bound.least, bound.most), f"{bound.least} to {bound.most:,} times")


def main(arguments: list[str]) -> int:
    """`--write` makes artefacts, `--update` puts what they show into SPEC.md, `--check` compares."""
    if arguments == ["--write"]:
        write()
        return 0
    old = new = SPEC.read_text()
    for name, made in {"example": lines(read()), "limits": caps(), "fields": bounds()}.items():
        before, begin, rest = new.partition(BEGIN.format(name))
        _, end, after = rest.partition(END.format(name))
        if not begin or not end:
            sys.stderr.write(f"SPEC.md has no place for {name}\n")
            return 1
        new = f"{before}{begin}{''.join(f'{line}{chr(10)}' for line in made)}{end}{after}"
    if arguments == ["--update"]:
        SPEC.write_text(new)
    elif arguments == ["--check"] and new != old:
        sys.stderr.write("SPEC.md shows something else than the code: run tools/spec_example.py --update\n")
        return 1
    elif arguments not in ([], ["--check"]):
        sys.stderr.write(f"{main.__doc__}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
