"""The worked example of SPEC section 1, derived again from its artefacts and seeds."""

from dataclasses import dataclass, field
from pathlib import Path

from . import anchor, chain, evidence, header, note, opening, primitives, streams, tree
from .authority import authenticate
from .evidence import Report
from .framing import Statement, parse
from .state import State
from .wire import decode


@dataclass
class Example:
    """Every value by its name in SPEC section 1, and what the evidence file shows."""

    values: dict[str, bytes] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)
    records: list[tuple[str, int]] = field(default_factory=list)
    report: Report = field(default_factory=lambda: Report(""))
    relay_clock: bool = False


def seed(member: str) -> bytes:
    """'bebe...be', 32 bytes of ASCII."""
    return (member.encode() * 32)[:32]


def derive(folder: Path) -> Example:
    made = Example()
    values = made.values
    data = (folder / "example.evidence").read_bytes()
    rows = list(evidence.records(data))
    made.records = [(kind, len(content)) for kind, content in rows]
    bundle = decode("EvidenceDirectory", rows[2][1]).record("bundle")
    genesis = parse(bundle.data("statement"))
    network = values["network id"] = primitives.sha256(b"mce1-genesis\0" + genesis.body)
    made.report = evidence.verify(data, network)
    directory = chain.open_genesis(genesis.raw, bundle.every("members"), network)
    values["Directory 1: Statement id"] = directory.id
    state = State(directory)
    logged: dict[int, Statement] = {0: genesis}
    for kind, content in rows[3:-1]:
        record = decode("EvidenceStatement", content)
        assert kind == "statement"
        statement = logged[record.number("index")] = parse(record.data("statement"))
        if statement.log_class:
            state = state.after(statement.raw, (), record.number("index"))
        else:
            authenticate(statement, state, record.number("index"))
    public = primitives.public_of_seeds(seed("be"), seed("be"))
    values["Ed25519 public key"] = public[0]
    values["key id"] = primitives.key_id(*public)
    _header(made, logged[3], network, folder)
    entry = values["log entry"] = logged[3].entry()
    values["leaf hash"] = tree.leaf_hash(entry)
    _receipt(made, directory.origin, state, folder)
    values["acknowledgement digest"] = primitives.sha256(logged[4].raw)
    values["acknowledgement body"] = logged[4].body
    values["acknowledgement id"] = logged[4].id(network)
    made.notes.append(decode("EvidenceAnchor", rows[1][1]).data("note"))
    opened = anchor.verify(made.notes[-1], directory.origin, directory.log_key, directory.witnesses)
    made.relay_clock = opened.relay_clock
    return made


def _header(made: Example, statement: Statement, network: bytes, folder: Path) -> None:
    values = made.values
    values["header digest"] = primitives.sha256(statement.raw)
    values["header id"] = statement.id(network)
    read = header.read(statement.body)
    core, listed = read.core, read.wraps[0]
    values["message_ref"] = core.data("message_ref")
    values["core"] = read.core_bytes
    values["SHA-256(core)"] = primitives.sha256(read.core_bytes)
    values["prekey_id"] = listed.data("prekey_id")
    wrap = (folder / "wrap-0.bin").read_bytes()
    values["wrap digest"] = primitives.sha256(wrap)
    values["info"] = header.wrap_info(read.core_bytes, 0, listed.data("prekey_id"))
    sealed = (folder / "payload.bin").read_bytes()
    opening.check_bytes(read, wrap, listed.data("digest"), sealed)
    content_key = opening.unwrap(read, 0, wrap, seed("pt"), listed.data("prekey_id"))
    values["content key"] = content_key
    values["root"] = streams.root(sealed)
    secret = values["s_0"] = streams.secret(content_key, core.data("message_ref"), 0)
    values["key_0"] = streams.keys(secret).key
    values["commitment_0"] = streams.keys(secret).commitment
    opened = opening.open_message(read, content_key, sealed, [])
    again = streams.seal(
        streams.keys(secret).key, streams.open_data(core.records("streams")[0], 0, secret, sealed), 0
    )
    assert again == sealed, "sealing the same plaintext again gives other bytes"
    assert opened.payload.text("sender") == "be"


def _receipt(made: Example, origin: str, state: State, folder: Path) -> None:
    receipt = decode("Receipt", (folder / "receipt.pb").read_bytes())
    checkpoint = note.parse(receipt.data("checkpoint"))
    note.verify_log_line(checkpoint, origin, state.directory.log_key(checkpoint.size).ed25519)
    proof, index = receipt.every("proof"), receipt.number("index")
    tree.included(made.values["leaf hash"], index, checkpoint.size, proof, checkpoint.root)
    made.values |= {f"proof[{number}]": one for number, one in enumerate(proof)}
    made.notes.append(receipt.data("checkpoint"))
