"""A small synthetic federation: keys, a genesis, prekeys, and messages of random ciphertext.

The relay cannot tell random bytes from ciphertext, so its tests need nothing that opens or seals.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from mce_relay.core import Core
from mce_relay.store.protocol import Fate, Place
from mce_relay.values import Accepted, EnvelopeIn, Outcome, PublishIn, RelayKeys, Settings

from mce_exchange import limits, statement
from mce_exchange.directory import compose, trust
from mce_exchange.directory.model import Directory, Life, Living, Member, Relay, Role, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import RefusedError
from mce_exchange.header import Core as HeaderCore
from mce_exchange.header import Recipient, Stream, Wrap, encode_header
from mce_exchange.keys import PrivateKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Cosigner, Quorum
from mce_exchange.padding import padded_size
from mce_exchange.primitives import tls
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.v1 import statement_pb2

NOW = 1_790_000_000
CHUNK = limits.CHUNK + limits.TAG
MEMBERS = ("be", "pt", "es", "nl")


@dataclass
class Party:
    """A member with its keys; `prekey` is the id of its newest prekey, `sent` the numbers it used."""

    id: str
    key: PrivateKey
    tls_key: bytes
    certificate: bytes
    role: Role = Role.HOTLINE
    prekey: bytes = b""
    epoch: int = 0
    sent: dict[str, tuple[int, bytes]] = field(default_factory=dict)


class Federation:
    """One root, one relay "relay-1", four hotlines and an auditor "aud", at Directory version 1.

    `witnesses` are members that have one, with a majority for quorum.
    """

    def __init__(
        self,
        members: Sequence[str] = MEMBERS,
        *,
        address: str = "127.0.0.1:1",
        witnesses: Sequence[str] = (),
    ) -> None:
        self.witnesses = {one: _witness(one) for one in witnesses}
        self.root = PrivateKey.generate()
        self.relay_id = "relay-1"
        self.relay_keys = RelayKeys(
            signing=PrivateKey.generate(),
            log_ed25519=Ed25519Key.generate(),
            log_ml_dsa_44=MlDsa44Key.generate(),
        )
        self.relay_tls_key, self.relay_certificate = tls.make_certificate()
        self.parties = {one: _party(one) for one in members}
        self.parties["aud"] = replace(_party("aud"), role=Role.AUDITOR)
        relay = Relay(
            id=self.relay_id,
            address=address,
            keys=(compose.new_key(self.relay_keys.signing.public),),
            certificates=(self.relay_certificate,),
            life=Life(added=0),
        )
        self.draft = compose.Draft(
            name="synthetic exercise",
            exercise=True,
            root_keys=(compose.new_key(self.root.public),),
            root_threshold=1,
            members=[_member(one) for one in self.parties.values()],
            relays=(relay,),
            log_keys=(Living(value=self.relay_keys.log, life=Life(added=0)),),
            witness_keys=[Living(value=one.public, life=Life(added=0)) for one in self.witnesses.values()],
            quorum=Quorum(len(witnesses) // 2 + 1 if witnesses else 0, len(witnesses)),
        )
        unsigned = compose.genesis(self.draft, random=secrets.token_bytes(32), now_minutes=NOW // 60)
        self.bundle = compose.sign_directory(unsigned, self.root)
        self.network_id = trust.network_id_of(compose.body_of(self.bundle.statement)[0])
        self.state = PublicState.genesis(self.bundle, network_id=self.network_id)

    def __getitem__(self, member: str) -> Party:
        return self.parties[member]

    def successor(self, current: Directory, **changes: Status) -> Bundle:
        """The next Directory, signed, with members' statuses changed: `successor(d, es=Status.LEFT)`."""
        members = [replace(one, status=changes.get(one.id, one.status)) for one in current.members.values()]
        draft = replace(compose.Draft.of(current), members=members)
        bundle = compose.successor(draft, current=current, now_minutes=NOW // 60)
        return compose.sign_directory(bundle, self.root, network_id=self.network_id)

    def sign(self, type_: str, body: Message, *keys: PrivateKey) -> bytes:
        """A signed Statement's bytes."""
        raw = body.SerializeToString(deterministic=True)
        return statement.sign(type_, raw, network_id=self.network_id, keys=keys).raw

    def id(self, raw: bytes) -> bytes:
        """A Statement's id."""
        return statement.decode(raw).id(self.network_id)

    def prekey(self, member: str) -> PublishIn:
        """The member's next prekey, which later wraps use."""
        party = self[member]
        body = statement_pb2.Prekey(
            signers=[party.key.public.id],
            member=member,
            epoch=party.epoch + 1,
            previous=party.prekey,
            public_key=secrets.token_bytes(limits.X_WING_PUBLIC),
            not_before_minutes=NOW // 60,
            nominal_end_minutes=NOW // 60 + 7 * 24 * 60,
        )
        raw = self.sign("prekey", body, party.key)
        party.prekey, party.epoch = self.id(raw), party.epoch + 1
        return PublishIn(raw)

    def all_prekeys(self) -> list[PublishIn]:
        """One for each member."""
        return [self.prekey(member) for member in self.parties]

    def envelope(
        self, sender: str, *recipients: str, attachments: Sequence[bytes] = (), **core: object
    ) -> EnvelopeIn:
        """A message with the next numbers; `core` overrides fields of the header's core."""
        party = self[sender]
        payload = secrets.token_bytes(padded_size(1, payload=True) + limits.TAG)
        wraps = tuple(secrets.token_bytes(limits.WRAP) for _ in recipients)
        made = HeaderCore(
            signers=(party.key.public.id,),
            message_ref=secrets.token_bytes(32),
            sender=sender,
            recipients=tuple(self._recipient(party, one) for one in recipients),
            directory_version=1,
            directory_id=self.state.directory.id,
            streams=tuple(stream(data) for data in (payload, *attachments)),
            created_minutes=NOW // 60,
            lifetime_seconds=limits.DEFAULT_LIFETIME_SECONDS,
        )
        made = replace(made, **core)  # type: ignore[arg-type]  # tests override any field
        return self.seal(made, wraps, payload)

    def seal(self, core: HeaderCore, wraps: tuple[bytes, ...], payload: bytes) -> EnvelopeIn:
        """Sign a header over this core and these wraps."""
        listed = [
            Wrap(prekey_id=self._prekey_id(one.member), digest=sha256(wrap).digest())
            for one, wrap in zip(core.recipients, wraps, strict=True)
        ]
        body = encode_header(core.encode(), listed)
        key = self[core.sender].key
        raw = statement.sign("header", body, network_id=self.network_id, keys=[key]).raw
        for one in core.recipients:
            self[core.sender].sent[one.member] = (one.sequence, self.id(raw))
        return EnvelopeIn(raw, wraps, payload)

    def delivered(self, member: str, *items: tuple[bytes, int, int]) -> PublishIn:
        """An acknowledgement of (header id, log index, recipient index)."""
        body = statement_pb2.Delivered(signers=[self[member].key.public.id], member=member)
        for header_id, index, number in items:
            body.items.add(header_id=header_id, index=index, recipient_index=number)
        return PublishIn(self.sign("delivered", body, self[member].key))

    def refused(self, member: str, header_id: bytes, index: int, number: int, code: int) -> PublishIn:
        """A refusal of one message."""
        body = statement_pb2.Refused(signers=[self[member].key.public.id], member=member)
        body.items.add(
            header_id=header_id,
            index=index,
            recipient_index=number,
            code=statement_pb2.RefusalCode.ValueType(code),
        )
        return PublishIn(self.sign("refused", body, self[member].key))

    def _recipient(self, party: Party, member: str) -> Recipient:
        number, previous = party.sent.get(member, (0, b""))
        return Recipient(member=member, sequence=number + 1, previous_id=previous)

    def _prekey_id(self, member: str) -> bytes:
        return self.parties[member].prekey if member in self.parties else bytes([1]) * 32


def stream(data: bytes) -> Stream:
    """The stream that this ciphertext is of; its commitment is random."""
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    return Stream(
        root=merkle.root(map(merkle.leaf_hash, chunks)),
        padded_size=len(data) - len(chunks) * limits.TAG,
        commitment=secrets.token_bytes(32),
    )


def ciphertext(length: int) -> bytes:
    """Random bytes as long as the ciphertext of an attachment of `length` bytes."""
    padded = padded_size(length, payload=False)
    return secrets.token_bytes(padded + -(-padded // limits.CHUNK) * limits.TAG)


def _party(member: str) -> Party:
    tls_key, certificate = tls.make_certificate()
    return Party(id=member, key=PrivateKey.generate(), tls_key=tls_key, certificate=certificate)


def _witness(member: str) -> Cosigner:
    return Cosigner(
        name=f"{member}/witness",
        member=member,
        ed25519=Ed25519Key.generate(),
        ml_dsa_44=MlDsa44Key.generate(),
    )


def _member(party: Party) -> Member:
    return Member(
        id=party.id,
        name=f"Synthetic {party.id}",
        country="" if party.role is Role.AUDITOR else party.id.upper(),
        role=party.role,
        status=Status.ACTIVE,
        keys=(compose.new_key(party.key.public),),
        certificates=(party.certificate,),
    )


@dataclass
class Clock:
    """A clock that a test sets; POSIX seconds."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running(
    federation: Federation, folder: Path, *, clock: Clock | None = None, prekeys: bool = True, **settings: Any
) -> AsyncIterator[Core]:
    """A core over a folder; it sweeps only when told to. On a new log every member gets a prekey."""
    chosen = Settings(**{"sweep_interval": 1e6, "anchor_interval": 1e9, **settings})
    core = Core(
        data=folder,
        genesis=federation.bundle,
        keys=federation.relay_keys,
        settings=chosen,
        clock=clock or Clock(),
    )
    await core.start()
    try:
        if prekeys and core.state.size == 1:
            for outcome in await core.publish(federation.relay_id, federation.all_prekeys()):
                accepted(outcome)
        yield core
    finally:
        await core.close()


def accepted(outcome: Outcome) -> Accepted:
    """An outcome that must be an acceptance."""
    if isinstance(outcome, RefusedError):
        raise outcome
    return outcome


async def send(core: Core, sender: str, envelope: EnvelopeIn) -> Accepted:
    """Submit one envelope, which must be accepted."""
    [outcome] = await core.submit(sender, [envelope])
    return accepted(outcome)


async def tell(core: Core, author: str, item: PublishIn) -> Accepted:
    """Publish one Statement, which must be accepted."""
    [outcome] = await core.publish(author, [item])
    return accepted(outcome)


async def fate(core: Core, member: str, index: int) -> Fate:
    """What became of the message at a log index at one of its recipients."""
    places: list[Place] = await core._ask(lambda reader: reader.places(index))
    return next(place.fate for place in places if place.recipient == member)


async def put(core: Core, member: str, data: bytes) -> bytes:
    """Upload an attachment's ciphertext; its root."""
    root = stream(data).root
    for at in range(0, len(data), limits.PART):
        part = data[at : at + limits.PART]
        state = await core.put_attachment(member, root=root, size=len(data), offset=at, data=part)
    assert state.complete
    return root
