"""The network that inputs are made for: tests.federation with fixed doors, so that ids stay the same.

A regression file may name a key, a Directory or a Statement of this network and still means it years
later. Only signatures and the sealed message differ from run to run.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Final
from unittest.mock import patch

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import Message

from examples.scenario_s1 import ScenarioS1
from mce_exchange import case, limits, statement
from mce_exchange.directory import compose
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Life, Living, SigningKey
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.header import Core, Recipient, Stream, Wrap, encode_header
from mce_exchange.keys import PrivateKey
from mce_exchange.log import anchor, merkle
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.padding import PREFIX, padded_size, prefix
from mce_exchange.primitives import tls
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.stream import StreamKey, stream_keys
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Sealed, To, seal, seal_streams
from mce_exchange.statement import Statement
from mce_exchange.v1 import envelope_pb2, statement_pb2
from tests import federation as plain
from tests.federation import NOW_MINUTES, RELAY_KEY, ROOTS, Federation, Person

WITNESSES: Final = {
    name: (Ed25519Key.from_seed(name.encode() * 16), MlDsa44Key.from_seed(name.encode() * 16))
    for name in ("w1", "w2", "w3")
}
NEXT_LOG: Final = LogKey(Ed25519Key.from_seed(b"M" * 32).public, MlDsa44Key.from_seed(b"M" * 32).public)
BOARD: Final = PrivateKey.from_seed(b"B" * 64)
SECRET: Final = b"s" * 32
SENT_WRAPS: Final = (b"e" * limits.WRAP, b"p" * limits.WRAP)


def door(number: int) -> tuple[bytes, bytes]:
    """As `make_certificate`, and the same at each call for one number."""
    secret = int.from_bytes(sha256(number.to_bytes(4, "big")), "big") >> 1
    key = ec.derive_private_key(secret, ec.SECP256R1())
    profile = tls._profile(key.public_key(), secret >> 128)
    certificate = profile.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.DER)


class Network(Federation):
    """The federation with three witnesses, a board, and policies: every part of a Directory is there."""

    def draft(self) -> Draft:
        """The first version."""
        board = new_key(BOARD.public)
        members = tuple(
            replace(one, board_keys=(board,), board_threshold=1, policy={Act.CHILD_ALERT: 2})
            if one.id == "be"
            else one
            for one in super().draft().members
        )
        witnesses = tuple(
            Living(value=WitnessKey(name, member, ed25519.public, ml_dsa.public), life=Life(added=0))
            for member, (name, (ed25519, ml_dsa)) in zip(("be", "es", "pt"), WITNESSES.items(), strict=True)
        )
        return replace(
            super().draft(),
            members=members,
            witness_keys=witnesses,
            quorum=Quorum(2, 3),
            default_policy={Act.URGENT: 1, Act.TRANSFER: 2},
        )


@contextmanager
def _fixed_doors() -> Iterator[None]:
    numbers = itertools.count()
    with patch.object(plain, "make_certificate", lambda: door(next(numbers))):
        yield


@cache
def network() -> Network:
    """Genesis and a prekey of each hotline: four entries."""
    with _fixed_doors():
        return Network(("be", "es", "pt"), auditor=True)


@cache
def keys() -> Mapping[bytes, PrivateKey]:
    """Every private key of the network by its key id."""
    people = network().people.values()
    private = [*(p.key for p in people), *(p.second for p in people), RELAY_KEY, *ROOTS, BOARD]
    return {key.public.id: key for key in private}


def person(name: str) -> Person:
    """A member's keys."""
    return network().people[name]


@cache
def witnessed_anchor() -> bytes:
    """An anchor of the four entries with two witnesses."""
    note = network().anchor()
    for name in ("w1", "w2"):
        ed25519, ml_dsa = WITNESSES[name]
        lines = anchor.cosign(note, name=name, time=NOW_MINUTES * 60, ed25519=ed25519, ml_dsa_44=ml_dsa)
        note = anchor.attach(note, lines)
    return note


def prekey_id(member: str) -> bytes:
    """The id of its one prekey."""
    found = network().state.prekey(member)
    assert found
    return found.id


@cache
def sent_payload() -> bytes:
    """The ciphertext of that message, under SECRET: it can be disclosed."""
    inner = envelope_pb2.Payload(
        message_ref=b"r" * 32, sender="be", recipients=["es", "pt"], content=b"content"
    ).SerializeToString(deterministic=True)
    padding = bytes(padded_size(len(inner), payload=True) - PREFIX - len(inner))
    return StreamKey(SECRET).seal_chunk(0, prefix(len(inner)) + inner + padding, last=True)


@cache
def header_body(sequence: int = 1) -> bytes:
    """A header from be to es and pt that a relay accepts with SENT_WRAPS and its payload."""
    state = network().state
    previous = header_id() if sequence > 1 else b""
    core = Core(
        signers=(person("be").key.public.id,),
        message_ref=b"r" * 32,
        sender="be",
        recipients=tuple(
            Recipient(member=one, sequence=sequence, previous_id=previous) for one in ("es", "pt")
        ),
        directory_version=1,
        directory_id=state.directory.id,
        streams=(
            Stream(
                root=merkle.root([merkle.leaf_hash(sent_payload())]),
                padded_size=padded_size(1, payload=True),
                commitment=stream_keys(SECRET)[1],
            ),
        ),
        created_minutes=NOW_MINUTES,
        lifetime_seconds=3600,
        deadline_class=1,
    )
    wraps = [
        Wrap(prekey_id=prekey_id(one), digest=sha256(wrap))
        for one, wrap in zip(("es", "pt"), SENT_WRAPS, strict=True)
    ]
    return encode_header(core.encode(), wraps)


@cache
def header_id() -> bytes:
    """Its id."""
    return statement.statement_id(network().network_id, "header", header_body())


def _body(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


@cache
def bodies() -> Mapping[str, bytes]:
    """A good body of every type but Directories, as its author would write it now."""
    be, es, root = person("be").key.public.id, person("es").key.public.id, ROOTS[0].public.id
    relay, note = RELAY_KEY.public.id, network().anchor()
    fresh = PrivateKey.from_seed(b"F" * 64).public
    pb = statement_pb2
    made: dict[str, Message] = {
        "delivered": pb.Delivered(
            signers=[es], member="es", items=[pb.DeliveredItem(header_id=header_id(), index=4)]
        ),
        "refused": pb.Refused(
            signers=[es],
            member="es",
            items=[
                pb.RefusedItem(
                    header_id=header_id(), index=4, code=pb.RefusalCode.REFUSAL_CODE_PREKEY_NOT_HELD
                )
            ],
        ),
        "void": pb.Void(signers=[be], sender="be", recipient="pt", sequence=7, annulled_id=b"a" * 32),
        "high-water": pb.HighWater(
            signers=[be],
            sender="be",
            recipient="es",
            sequence=1,
            header_id=header_id(),
            log_size=4,
            log_root=b"l" * 32,
        ),
        "re-wrap": pb.ReWrap(
            signers=[be],
            header_id=header_id(),
            prekey_id=prekey_id("es"),
            wrap_digest=sha256(SENT_WRAPS[0]),
        ),
        "undeliverable": pb.Undeliverable(
            signers=[relay], header_id=header_id(), recipient="pt", code=pb.UNDELIVERABLE_CODE_LEFT
        ),
        "overdue": pb.Overdue(signers=[relay], header_id=header_id(), recipient="pt", anchor=note),
        "erasure": pb.Erasure(
            signers=[be],
            author="be",
            what=pb.ERASED_PART_CONTENT_KEY,
            header_ids=[header_id()],
            anchor=witnessed_anchor(),
        ),
        "prekey": pb.Prekey(
            signers=[be],
            member="be",
            epoch=2,
            previous=prekey_id("be"),
            public_key=person("be").kem.public,
            not_before_minutes=NOW_MINUTES,
            nominal_end_minutes=NOW_MINUTES + 10080,
        ),
        "tls-keys": pb.TlsKeys(signers=[be], member="be", number=1, certificates=[door(99)[1]]),
        "revocation": pb.Revocation(
            signers=[be],
            member="be",
            key_id=person("be").second.public.id,
            cut=note,
            reason=pb.REVOCATION_REASON_LOST,
        ),
        "suspension": pb.Suspension(
            signers=[root], member="pt", anchor=note, reason=pb.SUSPENSION_REASON_REQUESTED
        ),
        "contest": pb.Contest(signers=[be], member="be", statement_id=header_id()),
        "clock": pb.Clock(signers=[be], anchor=witnessed_anchor()),
        "board-recovery": pb.BoardRecovery(
            signers=[BOARD.public.id],
            member="be",
            new_key=pb.SigningKey(ed25519=fresh.ed25519, ml_dsa_65=fresh.ml_dsa_65),
            certificates=[door(98)[1]],
            cut=note,
        ),
    }
    return {"header": header_body(), **{name: _body(body) for name, body in made.items()}}


@cache
def statements() -> Mapping[str, bytes]:
    """A signed Statement of every type, Directories too."""
    signed = {name: sign(name, body).raw for name, body in bodies().items()}
    return {"directory": network().genesis.statement, **signed}


def sign(type_: str, body: bytes, fallback: PrivateKey | None = None) -> Statement:
    """Signed by those whom the body names, as far as they are ours; else by `fallback` or be.

    A Directory by every root.
    """
    named: tuple[bytes, ...] = ()
    if type_ == statement.DIRECTORY:
        named = tuple(sorted(root.public.id for root in ROOTS))
    try:
        named = named or statement.named_signers(statement.BODIES[type_].FromString(body))
    except Exception:  # any unreadable body: it is signed all the same
        named = ()
    signers = [keys()[one] for one in named[: limits.SIGNATURES] if one in keys()]
    found = signers or [fallback or person("be").key]
    blocks = tuple(
        statement.Block(
            key.public.id,
            *key.sign(
                statement.signed_bytes(network().network_id, type_, key.public.id, body),
                context=type_.encode(),
            ),
        )
        for key in found
    )
    return Statement(type_, body, blocks)


def successor(*, log_key: bool = False) -> Bundle:
    """An unsigned Directory version 2: a member changes its keys, and the log its own if `log_key`."""
    current = network().state.directory
    draft = Draft.of(current)
    es = current.members["es"]
    added = SigningKey(public=PrivateKey.from_seed(b"N" * 64).public, life=Life(added=0), label="new")
    ended = replace(es.keys[1], life=Life(added=1, removed=2))
    members = tuple(
        replace(one, keys=(es.keys[0], ended, added)) if one.id == "es" else one for one in draft.members
    )
    if log_key:
        old = Living(value=draft.log_keys[0].value, life=Life(added=1, removed=2))
        draft = replace(draft, log_keys=(old, Living(value=NEXT_LOG, life=Life(added=0))))
    return compose.successor(replace(draft, members=members), current=current, now_minutes=NOW_MINUTES)


@cache
def aged() -> PublicState:
    """The network's state after a suspension, a revocation, new doors, a clock and a second Directory."""
    state = network().state
    types = ("suspension", "revocation", "tls-keys", "clock")
    version2 = plain.signed(successor(), ROOTS, network_id=network().network_id)
    for raw in (*(sign(type_, bodies()[type_]).raw for type_ in types), version2.statement):
        state = state.after(raw, members=version2.members, index=state.size)
    return state


@cache
def sealed() -> Sealed:
    """A message from be to pt that really opens; its bytes differ from run to run."""
    content = case.encode(ScenarioS1(canary="canary").request())
    prekey = network().state.prekey("pt")
    assert prekey
    return seal(
        seal_streams(sender="be", recipients=["pt"], content=content),
        to=[
            To(member="pt", sequence=1, previous_id=b"", prekey_id=prekey.id, prekey=prekey.public_key),
        ],
        network_id=network().network_id,
        directory_version=1,
        directory_id=network().state.directory.id,
        keys=[person("be").key],
        created_minutes=NOW_MINUTES,
    )
