"""Writing Directories: the federation's side, offline (SPEC section 8).

`genesis` and `successor` make the body and records of a version, unsigned; `sign_directory` adds
one root's block. Whoever signs first runs the result through `trust`, so a mistake shows before the
ceremony ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory import records, trust
from mce_exchange.directory.model import Act, Directory, Life, Living, Member, Relay, SigningKey, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import UsageError
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.statement import Statement
from mce_exchange.v1 import directory_pb2

VALID_MINUTES: Final = 400 * 24 * 60
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a version will say; lives of 0 are filled in with the version's own number."""

    name: str
    root_keys: Sequence[SigningKey]
    root_threshold: int
    members: Iterable[Member]
    relays: Iterable[Relay]
    log_keys: Sequence[Living[LogKey]]
    witness_keys: Sequence[Living[WitnessKey]] = ()
    quorum: Quorum = field(default_factory=lambda: Quorum(0, 0))
    exercise: bool = False
    lifted_suspensions: Sequence[bytes] = ()
    default_policy: Mapping[Act, int] = field(default_factory=dict)
    closed: bool = False
    successor: bytes = b""

    @classmethod
    def of(cls, directory: Directory) -> "Draft":
        """A successor that changes nothing yet: use `dataclasses.replace`."""
        return cls(
            name=directory.name,
            root_keys=directory.root_keys,
            root_threshold=directory.root_threshold,
            members=tuple(directory.members.values()),
            relays=tuple(directory.relays.values()),
            log_keys=directory.log_keys,
            witness_keys=directory.witness_keys,
            quorum=directory.quorum,
            exercise=directory.exercise,
            default_policy=directory.default_policy,
        )


def new_key(public: PublicKey, *, label: str = "") -> SigningKey:
    """A key that the next version adds."""
    return SigningKey(public=public, life=Life(added=0), label=label)


def genesis(draft: Draft, *, random: bytes, now_minutes: int) -> Bundle:
    """Version 1, unsigned; `random` is 32 fresh bytes that make this network itself."""
    return _bundle(draft, version=1, previous=b"", random=random, indices=(), now_minutes=now_minutes)


def successor(draft: Draft, *, current: Directory, now_minutes: int) -> Bundle:
    """The version after `current`, unsigned."""
    return _bundle(
        draft,
        version=current.version + 1,
        previous=current.id,
        random=b"",
        indices=current.indices,
        now_minutes=now_minutes,
    )


def unsigned(body: bytes) -> bytes:
    """A Directory Statement without blocks: no reader accepts it."""
    return Statement(statements.DIRECTORY, body, ()).raw


_FRAME: Final = len(unsigned(b""))


def body_of(statement: bytes) -> tuple[bytes, tuple[statements.Block, ...]]:
    """Body and blocks of a Directory Statement that may lack signatures; `MalformedError`."""
    bare = statement[_FRAME - 1 : -1]
    if statement == unsigned(bare):
        return bare, ()
    decoded = statements.decode(statement)
    if decoded.type != statements.DIRECTORY:
        raise UsageError(f"a Statement of type {decoded.type}, not a Directory")
    return decoded.body, decoded.blocks


def sign_directory(bundle: Bundle, key: PrivateKey, *, network_id: bytes | None = None) -> Bundle:
    """Add one root's block, in its place; a genesis names its own network. Signing twice changes nothing."""
    body, blocks = body_of(bundle.statement)
    if key.public.id in {block.signer for block in blocks}:
        return bundle
    network = network_id or trust.network_id_of(body)
    added = statements.sign(statements.DIRECTORY, body, network_id=network, keys=[key]).blocks
    if len(blocks) == limits.SIGNATURES:
        raise UsageError(f"this Directory has {limits.SIGNATURES} signatures already")
    ordered = tuple(sorted((*blocks, *added), key=lambda block: block.signer))
    return Bundle(Statement(statements.DIRECTORY, body, ordered).raw, bundle.members)


def _bundle(
    draft: Draft, *, version: int, previous: bytes, random: bytes, indices: Sequence[int], now_minutes: int
) -> Bundle:
    members = sorted((_entered(member, version) for member in draft.members), key=lambda m: m.id)
    encoded = tuple(map(records.encode_member, members))
    pb = directory_pb2.Directory(
        version=version,
        previous=previous,
        genesis_random=random,
        name=draft.name,
        exercise=draft.exercise,
        root_keys=[records.signing_key_pb(_key(key, version)) for key in draft.root_keys],
        root_threshold=draft.root_threshold,
        members_root=merkle.root(map(merkle.leaf_hash, encoded)),
        members=len(encoded),
        relays=[records.relay_pb(_relay(one, version)) for one in draft.relays],
        quorum=directory_pb2.Quorum(k=draft.quorum.k, n=draft.quorum.n),
        earlier_indices=indices,
        issued_minutes=now_minutes,
        expires_minutes=now_minutes + VALID_MINUTES,
        lifted_suspensions=draft.lifted_suspensions,
        default_policy=records.policy_pb(draft.default_policy),
        closed=draft.closed,
        successor=draft.successor,
    )
    for log_key in draft.log_keys:
        life = _life(log_key.life, version)
        pb.log_keys.add(
            ed25519=log_key.value.ed25519,
            ml_dsa_44=log_key.value.ml_dsa_44,
            added_version=life.added,
            removed_version=life.removed,
        )
    for witness in draft.witness_keys:
        life = _life(witness.life, version)
        pb.witnesses.add(
            name=witness.value.name,
            member=witness.value.member,
            ed25519=witness.value.ed25519,
            ml_dsa_44=witness.value.ml_dsa_44,
            added_version=life.added,
            removed_version=life.removed,
        )
    return Bundle(unsigned(pb.SerializeToString(deterministic=True)), encoded)


def _life(life: Life, version: int) -> Life:
    return Life(added=life.added or version, removed=life.removed)


def _key(key: SigningKey, version: int, *, ended: bool = False) -> SigningKey:
    life = _life(key.life, version)
    return replace(key, life=replace(life, removed=life.removed or version) if ended else life)


def _entered(member: Member, version: int) -> Member:
    left = member.status is Status.LEFT
    return replace(
        member,
        keys=tuple(_key(key, version, ended=left) for key in member.keys),
        board_keys=tuple(_key(key, version, ended=left) for key in member.board_keys),
        board_threshold=0 if left else member.board_threshold,
    )


def _relay(relay: Relay, version: int) -> Relay:
    keys = tuple(_key(key, version) for key in relay.keys)
    return replace(relay, keys=keys, life=_life(relay.life, version))
