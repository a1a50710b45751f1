"""How trust passes from one Directory version to the next (TUF's root semantics, SPEC section 8).

    open_genesis(bundle, network_id)     the pinned root fingerprint is all that is believed
    open_next(current, bundle, index)    version + 1, chained by id, signed by the threshold of the
                                         current root keys *and* of its own
    open_chain(bundles, network_id)      files from version 1 on
    preview(current, …)                  what a version says before it is signed

Nothing skips a version (threats D2, D6, D7), mixes parts of two (D4) or counts a key twice (D5);
a key once entered stays, with the versions that added and removed it, so that old signatures can
be judged for ever. Dates only warn and are the caller's business.
"""

from collections.abc import Iterable, Sequence

from mce_exchange import statement as statements
from mce_exchange.directory import records
from mce_exchange.directory.model import FEDERATION, Directory, Life, Living, Member, SigningKey
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, DirectoryError, Fault, MceError, SignatureError
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.statement import Statement
from mce_exchange.v1 import directory_pb2


def network_id_of(genesis_body: bytes) -> bytes:
    """The root fingerprint: 32 bytes that name the network (threats E10, E12)."""
    return sha256(b"mce1-genesis\0" + genesis_body)


def open_genesis(bundle: Bundle, *, network_id: bytes) -> Directory:
    """Version 1, entry 0 of the log, for a pinned network id. Any fault is a `DirectoryError`."""
    with _Blame(1):
        statement = statements.decode(bundle.statement)
        _expect(statement.type == statements.DIRECTORY, "is not a Directory")
        _expect(equal(network_id_of(statement.body), network_id), "is not the genesis of the pinned network")
        directory = _read(statement, bundle.members, network_id=network_id, previous=b"", indices=(0,))
        _expect(directory.version == 1, f"is version {directory.version}")
        _threshold(statement, directory, directory)
        _lives(directory, None)
        return directory


def open_next(current: Directory, bundle: Bundle, *, index: int) -> Directory:
    """The version after `current`, logged at `index`. Any fault is a `DirectoryError` and changes nothing."""
    with _Blame(current.version + 1):
        statement = statements.decode(bundle.statement)
        _expect(statement.type == statements.DIRECTORY, "is not a Directory")
        _expect(index > current.index, "is logged below the one before")
        directory = _read(
            statement,
            bundle.members,
            network_id=current.network_id,
            previous=current.id,
            indices=(*current.indices, index),
        )
        _expect(directory.version == current.version + 1, f"says that it is version {directory.version}")
        _threshold(statement, current, directory)
        _threshold(statement, directory, directory)
        _lives(directory, current)
        return directory


def open_chain(bundles: Sequence[Bundle], *, network_id: bytes) -> Directory:
    """The last of Directory files from version 1 on, each judged by the one before; `DirectoryError`.

    The log index of the last is in none of them and is taken as the next one: enough to read keys and
    addresses from, while Statements are judged by the Directories as the log brings them.
    """
    if not bundles:
        raise DirectoryError("at least version 1 of the Directory is needed", fault=Fault.USAGE)
    directory = open_genesis(bundles[0], network_id=network_id)
    with _Blame(len(bundles)):
        last = statements.decode(bundles[-1].statement)
        statements.lint(last)
        indices = list(statements.body(last, directory_pb2.Directory).earlier_indices)
    for bundle in bundles[1:]:
        version = directory.version
        index = indices[version] if version < len(indices) else directory.index + 1
        directory = open_next(directory, bundle, index=index)
    return directory


def preview(current: Directory, statement: Statement, members: Sequence[bytes]) -> Directory:
    """What a next version will say, whoever has signed it so far: for those who are about to.

    Everything is checked but the signatures; `DirectoryError`.
    """
    with _Blame(current.version + 1):
        indices = (*current.indices, current.index + 1)
        directory = _read(
            statement, members, network_id=current.network_id, previous=current.id, indices=indices
        )
        _lives(directory, current)
        return directory


class _Blame:
    """A Directory's fault is the federation's, whatever layer noticed it."""

    def __init__(self, version: int) -> None:
        self._version = version

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MceError) and not isinstance(error, DirectoryError):
            raise DirectoryError(f"Directory version {self._version}: {error}") from error


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise ContextError(what)


def _read(
    statement: Statement,
    members: Sequence[bytes],
    *,
    network_id: bytes,
    previous: bytes,
    indices: tuple[int, ...],
) -> Directory:
    statements.lint(statement)
    pb = statements.body(statement, directory_pb2.Directory)
    _expect((pb.version == 1) == bool(pb.genesis_random), "has a genesis's fields, or lacks them")
    _expect(pb.previous == previous, "follows another Directory")
    _expect(pb.version == len(indices), f"says that it is version {pb.version}")
    _expect(tuple(pb.earlier_indices) == indices[:-1], "names other indices for earlier versions")
    _expect(pb.issued_minutes < pb.expires_minutes, "expires before it is issued")
    records_ = [records.decode_member(record) for record in members]
    ids = [member.id for member in records_]
    _expect(ids == sorted(set(ids)), "has member records that are not ascending by id")
    _expect(
        len(members) == pb.members and equal(merkle.root(map(merkle.leaf_hash, members)), pb.members_root),
        "does not commit to these member records",
    )
    relays = [records.relay(relay) for relay in pb.relays]
    # What root keys sign is by `federation`: that id is nobody else's.
    names = {FEDERATION, *ids, *(relay.id for relay in relays)}
    _expect(len(names) == 1 + len(relays) + len(ids), "has two of one id")
    directory = Directory(
        network_id=network_id,
        id=statement.id(network_id),
        version=pb.version,
        name=pb.name,
        exercise=pb.exercise,
        root_keys=tuple(map(records.signing_key, pb.root_keys)),
        root_threshold=pb.root_threshold,
        members={member.id: member for member in records_},
        relays={relay.id: relay for relay in relays},
        log_keys=tuple(Living(value=LogKey(k.ed25519, k.ml_dsa_44), life=_life(k)) for k in pb.log_keys),
        witness_keys=tuple(
            Living(value=WitnessKey(k.name, k.ed25519, k.ml_dsa_44), life=_life(k)) for k in pb.witnesses
        ),
        quorum=Quorum(pb.quorum.k, pb.quorum.n),
        indices=indices,
        issued_minutes=pb.issued_minutes,
        expires_minutes=pb.expires_minutes,
        lifted_suspensions=tuple(pb.lifted_suspensions),
        default_policy=records.policy(pb.default_policy),
    )
    # Computing who holds which key refuses a key under two holders.
    _expect(bool(directory.holders), "holds no key")
    return directory


def _life(key: directory_pb2.LogKey | directory_pb2.WitnessKey) -> Life:
    return Life(added=key.added_version, removed=key.removed_version)


def _threshold(statement: Statement, judge: Directory, signed: Directory) -> None:
    """At least `judge`'s threshold of its living root keys; each block valid and by a known root."""
    roots = {
        key.public.id: key.public for d in (judge, signed) for key in d.root_keys if not key.life.removed
    }
    if list(statement.signers) != sorted(statement.signers):
        raise SignatureError("signature blocks are not ascending by key id")
    statements.verify(statement, network_id=signed.network_id, find_key=roots.get)
    living = {key.public.id for key in judge.root_keys if not key.life.removed}
    count = len(living.intersection(statement.signers))
    if not 1 <= judge.root_threshold <= len(living) or count < judge.root_threshold:
        raise SignatureError(f"{count} of {judge.root_threshold} root signatures of version {judge.version}")


def _lives(directory: Directory, before: Directory | None) -> None:
    version = directory.version
    old = _all_lives(before) if before else {}
    new = _all_lives(directory)
    for what, life in new.items():
        was = old.get(what)
        _expect(
            life.added == (was.added if was else version)
            and (
                life.removed in (0, version)
                if was is None or not was.removed
                else life.removed == was.removed
            )
            and life.removed != life.added,
            f"rewrites the life of {what}",
        )
    _expect(old.keys() <= new.keys(), "forgets a key, a relay or a witness")
    if before:
        _expect(before.members.keys() <= directory.members.keys(), "forgets a member instead of saying LEFT")
    _expect(
        sum(not one.life.removed for one in directory.log_keys) == 1, "has not exactly one living log key"
    )
    names = [one.value.name for one in directory.witness_keys if not one.life.removed]
    _expect(len(names) == len(set(names)), "names a witness twice")
    quorum = directory.quorum
    # Two quorums of n always share an honest witness, or nobody pretends to witness.
    _expect(
        (quorum.k, quorum.n) == (0, 0)
        or (quorum.n == len(names) and quorum.n < 2 * quorum.k <= 2 * quorum.n),
        f"has a quorum of {quorum.k} of {quorum.n} for {len(names)} witnesses",
    )


def _all_lives(directory: Directory) -> dict[str, Life]:
    """Each thing that lives, by a name that no later version may reuse."""
    found: dict[str, Life] = {}

    def put(name: str, life: Life) -> None:
        _expect(name not in found, f"has {name} twice")
        found[name] = life

    def put_keys(owner: str, keys: Iterable[SigningKey]) -> None:
        for key in keys:
            put(f"{owner} key {key.public.id.hex()}", key.life)

    put_keys("root", directory.root_keys)
    for member in directory.members.values():
        put_keys(f"member {member.id}", member.keys)
        put_keys(f"board {member.id}", member.board_keys)
        _board(member)
    for relay in directory.relays.values():
        put(f"relay {relay.id}", relay.life)
        put_keys(f"relay {relay.id}", relay.keys)
    for log_key in directory.log_keys:
        put(f"log key {sha256(log_key.value.ed25519 + log_key.value.ml_dsa_44).hex()}", log_key.life)
    for witness in directory.witness_keys:
        put(f"witness key {sha256(witness.value.ed25519 + witness.value.ml_dsa_44).hex()}", witness.life)
    return found


def _board(member: Member) -> None:
    living = sum(not key.life.removed for key in member.board_keys)
    _expect(
        member.board_threshold <= living and bool(member.board_threshold) == bool(living),
        f"has a board of {living} with threshold {member.board_threshold} in {member.id}",
    )
