"""Bytes of one message: every body on the wire, the Statement's frame, the header, public keys."""

from functools import cache
from typing import Final

from google.protobuf.message import Message

from mce_exchange import limits, statement, wire
from mce_exchange.errors import ContextError, SignatureError, SuiteError
from mce_exchange.fields import FIELDS
from mce_exchange.header import Header, encode_header, read_header
from mce_exchange.keys import PublicKey
from mce_exchange.v1 import directory_pb2, envelope_pb2, evidence_pb2, log_pb2, statement_pb2
from tests.fuzz import mutate, world
from tests.fuzz.target import BYTES, Target, tagged, untagged
from tests.fuzz.wireform import noise

_MODULES: Final = (statement_pb2, envelope_pb2, directory_pb2, evidence_pb2, log_pb2)


@cache
def kinds() -> dict[str, type[Message]]:
    """Every message with a row in `fields`, by its short name."""
    found = {name.rpartition(".")[2]: name for name in FIELDS}
    return {
        short: next(getattr(module, short) for module in _MODULES if hasattr(module, short))
        for short in found
    }


@cache
def wire_seeds() -> tuple[bytes, ...]:
    """Good bodies, and every message inside them as one of its own."""
    bodies = dict(world.bodies())
    bodies["directory"] = statement.decode(world.network().genesis.statement).body
    pb = world.network().genesis
    roots: list[Message] = [statement.BODIES[name].FromString(body) for name, body in bodies.items()]
    header = envelope_pb2.Header.FromString(world.header_body())
    roots += [
        envelope_pb2.HeaderCore.FromString(header.core),
        envelope_pb2.Payload(
            message_ref=b"r" * 32,
            sender="be",
            recipients=["es", "pt"],
            content=b"content",
            attachments=[envelope_pb2.AttachmentInfo(name="a.jpg", media_type="image/jpeg", size=100)],
        ),
        directory_pb2.DirectoryBundle(statement=pb.statement, members=pb.members),
        *(directory_pb2.MemberRecord.FromString(one) for one in pb.members),
        directory_pb2.MemberCard(member=pb.members[0]),
        directory_pb2.RelayCard(
            relay=roots[-1].relays[0],  # type: ignore[attr-defined]  # the Directory, put in last
            log_key=roots[-1].log_keys[0],  # type: ignore[attr-defined]
        ),
        log_pb2.Receipt(index=3, proof=[b"p" * 32], checkpoint=b"note"),
        evidence_pb2.EvidenceBegin(format=1, network_id=b"n" * 32),
        evidence_pb2.EvidenceAnchor(note=b"note"),
        evidence_pb2.EvidenceDirectory(
            bundle=directory_pb2.DirectoryBundle(statement=b"s"), proof=[b"p" * 32]
        ),
        evidence_pb2.EvidenceStatement(statement=b"s", index=1),
        evidence_pb2.EvidenceDisclosure(header_id=b"h" * 32, stream=1, secret=b"s" * 32),
        evidence_pb2.EvidenceEnd(records=4),
    ]
    seeds: dict[str, bytes] = {}
    while roots:
        message = roots.pop(0)
        seeds.setdefault(message.DESCRIPTOR.name, message.SerializeToString(deterministic=True))
        for field, value in message.ListFields():
            if field.message_type:
                roots += list(value) if field.is_repeated else [value]
    return tuple(tagged(name, data) for name, data in seeds.items() if name in kinds())


def _wire(data: bytes) -> None:
    name, body = untagged(data)
    kind = kinds().get(name)
    if kind is None:
        return
    message = wire.parse(kind, body, cap=limits.EVIDENCE_RECORD)
    # One encoding: what the linter accepts is what a deterministic encoder writes.
    assert message.SerializeToString(deterministic=True) == body


@cache
def raw_statements() -> tuple[bytes, ...]:
    """One of every type."""
    return tuple(world.statements().values())


def _statement(data: bytes) -> None:
    read = statement.decode(data)
    assert read.raw == data
    assert read == statement.decode(read.raw)
    statement.lint(read)
    statement.verify(read, network_id=world.network().network_id, find_key=world.network().state.find_key)
    statement.body(read, statement.BODIES[read.type])


def read(data: bytes) -> Header:
    """The header in a body; who signed it is another target's question."""
    return read_header(statement.Statement(statement.HEADER, data, ()))


def _header(data: bytes) -> None:
    header = read(data)
    assert header.core.encode() == header.core_bytes
    assert encode_header(header.core_bytes, header.wraps) == data
    for one in header.core.recipients:
        header.wrap_info(header.recipient_index(one.member))


def _public_key(data: bytes) -> None:
    assert len(PublicKey(data[:32], data[32:]).id) == 32


@cache
def _headers() -> tuple[bytes, ...]:
    return (world.header_body(), statement.decode(world.sealed().statement.raw).body)


@cache
def _public_keys() -> tuple[bytes, ...]:
    return tuple(key.public.ed25519 + key.public.ml_dsa_65 for key in world.keys().values())


TARGETS: Final = (
    Target(
        name="wire",
        run=_wire,
        errors=BYTES,
        seeds=wire_seeds,
        mutate=mutate.tagged_wire(wire_seeds),
        share=30000,
    ),
    Target(
        name="statement",
        run=_statement,
        errors=(*BYTES, SuiteError, SignatureError),
        seeds=raw_statements,
        mutate=mutate.statements(raw_statements),
        share=6000,
    ),
    Target(
        name="header",
        run=_header,
        errors=(*BYTES, SuiteError, ContextError),
        seeds=_headers,
        mutate=mutate.wire(_headers),
        share=8000,
    ),
    Target(
        name="public-key",
        run=_public_key,
        errors=BYTES[:1],
        seeds=_public_keys,
        mutate=noise,
        share=2000,
    ),
)
