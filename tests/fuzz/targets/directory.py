"""Who may speak: Directories, cards, and what public Statements do to the state.

What has to be signed is signed here, with the network's own keys, so that an input reaches what an
insider can reach: a member, the relay, or a threshold of roots.
"""

from functools import cache
from typing import Final

from mce_exchange import limits, statement, wire
from mce_exchange.directory import compose, trust
from mce_exchange.directory.authority import Verdict, authenticate
from mce_exchange.directory.model import FEDERATION, Act
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import (
    Bundle,
    RelayCard,
    decode_card,
    decode_member,
    decode_witness,
    encode_card,
    encode_member,
    encode_witness,
)
from mce_exchange.errors import DirectoryError, LogError, SuiteError, UsageError
from mce_exchange.log import merkle
from mce_exchange.log.anchor import WitnessKey
from mce_exchange.v1 import directory_pb2
from tests.federation import LOG_KEY, ROOTS, signed
from tests.fuzz import mutate, world
from tests.fuzz.target import BYTES, MIB, SIGNED, Target, tagged, untagged


def _member(data: bytes) -> None:
    assert encode_member(decode_member(data)) == data


def _card(data: bytes) -> None:
    assert encode_card(decode_card(data)) == data


def _relay_card(data: bytes) -> None:
    assert RelayCard.decode(data).encode() == data


def _witness_card(data: bytes) -> None:
    assert encode_witness(decode_witness(data)) == data


def _bundle(data: bytes) -> None:
    """A Directory file as `mce join` reads it, of whatever network it says it is."""
    bundle = Bundle.decode(data)
    assert bundle.encode() == data
    body, _ = compose.body_of(bundle.statement)
    wire.parse(directory_pb2.Directory, body, cap=limits.STATEMENT_BODY)
    trust.open_chain([bundle], network_id=trust.network_id_of(body))


def _genesis(data: bytes) -> None:
    """A genesis that its own roots signed."""
    bundle = _by_roots(data, network_id=None)
    body = statement.decode(bundle.statement).body
    directory = trust.open_genesis(bundle, network_id=trust.network_id_of(body))
    assert directory.version == 1
    assert directory.log_key(1)


def _next(data: bytes) -> None:
    """A successor that all roots signed; it has to serve everybody who asks it something."""
    current = world.network().state.directory
    index = world.network().tree.size
    directory = trust.open_next(current, _by_roots(data, network_id=current.network_id), index=index)
    assert directory.version == 2
    assert directory.log_key(index + 1)
    assert current.holders.keys() <= directory.holders.keys()
    directory.witnesses(index + 1)
    for member in directory.members:
        for act in Act:
            assert directory.persons(member, act) in (1, 2)


def _by_roots(data: bytes, *, network_id: bytes | None) -> Bundle:
    """The Directory of a file, committed to its members again and signed by every root."""
    bundle = Bundle.decode(data)
    body = _committed(compose.body_of(bundle.statement)[0], bundle.members)
    return signed(Bundle(compose.unsigned(body), bundle.members), ROOTS, network_id=network_id)


def _committed(body: bytes, members: tuple[bytes, ...]) -> bytes:
    """The body with the right count and root of its members where it parses, else as it is."""
    try:
        wire.lint(directory_pb2.Directory, body, cap=limits.STATEMENT_BODY)
    except BYTES:
        return body
    pb = directory_pb2.Directory.FromString(body)
    pb.members_root = merkle.root(map(merkle.leaf_hash, members))
    pb.members = len(members)
    return pb.SerializeToString(deterministic=True)


def _state(data: bytes) -> tuple[str, bytes, PublicState]:
    """Type, body, and the state that judges it: an old one where the type ends with a plus."""
    type_, body = untagged(data)
    state = world.aged() if type_.endswith("+") else world.network().state
    return type_.removesuffix("+"), body, state


def _authenticate(data: bytes) -> None:
    type_, body, state = _state(data)
    if type_ in statement.BODIES:
        signed = authenticate(world.sign(type_, body), state=state, index=state.size)
        assert signed.author in {*state.directory.members, *state.directory.relays, FEDERATION}
        assert signed.verdict is not Verdict.INVALID


def _after(data: bytes) -> None:
    type_, body, before = _state(data)
    if type_ in statement.BODIES:
        state = before.after(world.sign(type_, body).raw, members=_successor().members, index=before.size)
        assert state.size == before.size + 1
        for member in state.directory.members:
            state.prekey(member)
            state.takes_part(member)
            state.certificates(member)


@cache
def _records() -> tuple[bytes, ...]:
    return world.network().genesis.members


@cache
def _cards() -> tuple[bytes, ...]:
    return tuple(encode_card(decode_member(one)) for one in _records())


@cache
def _relay_cards() -> tuple[bytes, ...]:
    relay = world.network().state.directory.relays["relay"]
    return (RelayCard(relay=relay, log_key=LOG_KEY).encode(),)


@cache
def _witness_cards() -> tuple[bytes, ...]:
    return tuple(
        encode_witness(WitnessKey(name, "be", ed25519.public, ml_dsa.public))
        for name, (ed25519, ml_dsa) in world.WITNESSES.items()
    )


@cache
def _genesis_files() -> tuple[bytes, ...]:
    return (world.network().genesis.encode(),)


@cache
def _next_files() -> tuple[bytes, ...]:
    return (world.successor().encode(), world.successor(log_key=True).encode())


@cache
def _successor() -> Bundle:
    return world.successor()


@cache
def _bodies() -> tuple[bytes, ...]:
    """Of types that members and the relay sign for others to judge."""
    young = [tagged(name, body) for name, body in world.bodies().items()]
    # In the old state pt is suspended and a key of be revoked.
    old = [tagged(f"{name}+", world.bodies()[name]) for name in ("delivered", "void", "prekey", "contest")]
    return (*young, *old)


@cache
def _public_bodies() -> tuple[bytes, ...]:
    version2 = tagged(statement.DIRECTORY, compose.body_of(_successor().statement)[0])
    public = [one for one in _bodies() if untagged(one)[0].removesuffix("+") in statement.PUBLIC]
    return (*public, version2)


TARGETS: Final = (
    Target(
        name="member-record",
        run=_member,
        errors=BYTES,
        seeds=_records,
        mutate=mutate.wire(_records),
        share=4000,
    ),
    Target(name="member-card", run=_card, errors=BYTES, seeds=_cards, mutate=mutate.wire(_cards), share=1500),
    Target(
        name="relay-card",
        run=_relay_card,
        errors=BYTES,
        seeds=_relay_cards,
        mutate=mutate.wire(_relay_cards),
        share=2000,
    ),
    Target(
        name="witness-card",
        run=_witness_card,
        errors=BYTES,
        seeds=_witness_cards,
        mutate=mutate.wire(_witness_cards),
        share=1000,
    ),
    Target(
        name="directory-file",
        run=_bundle,
        errors=(*BYTES, SuiteError, UsageError, DirectoryError),
        seeds=_genesis_files,
        mutate=mutate.wire(_genesis_files),
        share=300,
        longest=MIB,
    ),
    Target(
        name="genesis-by-roots",
        run=_genesis,
        errors=(*BYTES, SuiteError, UsageError, DirectoryError),
        seeds=_genesis_files,
        mutate=mutate.wire(_genesis_files),
        share=150,
    ),
    Target(
        name="directory-by-roots",
        run=_next,
        errors=(*BYTES, SuiteError, UsageError, DirectoryError),
        seeds=_next_files,
        mutate=mutate.wire(_next_files),
        share=150,
    ),
    Target(
        name="statement-by-insider",
        run=_authenticate,
        errors=SIGNED,
        seeds=_bodies,
        mutate=mutate.tagged_wire(_bodies),
        share=500,
    ),
    Target(
        name="public-by-insider",
        run=_after,
        errors=(*SIGNED, LogError, DirectoryError),
        seeds=_public_bodies,
        mutate=mutate.tagged_wire(_public_bodies),
        share=500,
    ),
)
