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

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory import records
from mce_exchange.directory.model import FEDERATION, Directory, Life, Living, Member, SigningKey, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, DirectoryError, Fault, LimitError, MceError, SignatureError
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.primitives.verify import admissible_ed25519, equal, sha256
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
        directory = _read(statement, bundle.members, network_id=network_id, index=0, before=None)
        _threshold(statement, directory, directory)
        _lives(directory, None)
        return directory


def open_next(current: Directory, bundle: Bundle, *, index: int) -> Directory:
    """The version after `current`, logged at `index`. Any fault is a `DirectoryError` and changes nothing."""
    with _Blame(current.version + 1):
        _expect(not current.closed, "follows a version that closed the log")
        statement = statements.decode(bundle.statement)
        _expect(statement.type == statements.DIRECTORY, "is not a Directory")
        _expect(index > current.index, "is logged below the one before")
        directory = _read(
            statement, bundle.members, network_id=current.network_id, index=index, before=current
        )
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
        index = current.index + 1
        directory = _read(statement, members, network_id=current.network_id, index=index, before=current)
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
    index: int,
    before: Directory | None,
) -> Directory:
    size = len(statement.raw) + sum(map(len, members))
    if size > limits.DIRECTORY_BUNDLE:
        raise LimitError(f"has {size} bytes with its member records, at most {limits.DIRECTORY_BUNDLE}")
    statements.lint(statement)
    pb = statements.body(statement, directory_pb2.Directory)
    earlier = before.indices if before else ()
    _expect(pb.version == len(earlier) + 1, f"says that it is version {pb.version}")
    _expect(bool(pb.genesis_random) == (before is None), "has a genesis's random bytes, or lacks them")
    _expect(equal(pb.previous, before.id if before else b""), "follows another version than the one before")
    _expect(tuple(pb.earlier_indices) == earlier, "names other indices for earlier versions")
    _expect(pb.issued_minutes < pb.expires_minutes, "expires before it is issued")
    _expect(pb.closed or not pb.successor, "names a successor and is not closed")
    records_ = [records.decode_member(record) for record in members]
    ids = [member.id for member in records_]
    _expect(ids == sorted(set(ids)), "has member records that are not ascending by id")
    _expect(
        len(members) == pb.members and equal(merkle.root(map(merkle.leaf_hash, members)), pb.members_root),
        "does not commit to these member records",
    )
    relays = [records.relay(relay) for relay in pb.relays]
    # What root keys sign is by `federation`: that id is nobody else's.
    names = [FEDERATION, *ids, *(relay.id for relay in relays)]
    _expect(len(set(names)) == len(names), "has two of one id")
    doors = [der for one in records_ for der in one.certificates]
    doors += [der for relay in relays for der in relay.certificates]
    _expect(len(set(doors)) == len(doors), "has one certificate twice")
    directory = Directory(
        network_id=network_id,
        version=pb.version,
        name=pb.name,
        exercise=pb.exercise,
        root_keys=tuple(map(records.signing_key, pb.root_keys)),
        root_threshold=pb.root_threshold,
        members={member.id: member for member in records_},
        relays={relay.id: relay for relay in relays},
        log_keys=tuple(Living(value=LogKey(k.ed25519, k.ml_dsa_44), life=_life(k)) for k in pb.log_keys),
        witness_keys=tuple(
            Living(value=WitnessKey(k.name, k.member, k.ed25519, k.ml_dsa_44), life=_life(k))
            for k in pb.witnesses
        ),
        quorums=(*(before.quorums if before else ()), Quorum(pb.quorum.k, pb.quorum.n)),
        indices=(*earlier, index),
        ids=(*(before.ids if before else ()), statement.id(network_id)),
        issued_minutes=pb.issued_minutes,
        expires_minutes=pb.expires_minutes,
        lifted_suspensions=tuple(pb.lifted_suspensions),
        default_policy=records.policy(pb.default_policy),
        closed=pb.closed,
        successor=pb.successor,
    )
    _keys(directory)
    return directory


def _keys(directory: Directory) -> None:
    """Each public key of each algorithm stands once: whoever holds one cannot count twice (threat D5)."""
    signing = [holder.key.public for holder in directory.holders.values()]
    cosigning = [(one.value.ed25519, one.value.ml_dsa_44) for one in directory.log_keys]
    cosigning += [(one.value.ed25519, one.value.ml_dsa_44) for one in directory.witness_keys]
    for ed25519, _ in cosigning:
        _expect(admissible_ed25519(ed25519), "has a log or witness key that is not admissible")
    halves = [half for key in signing for half in (key.ed25519, key.ml_dsa_65)]
    halves += [half for pair in cosigning for half in pair]
    _expect(len(set(halves)) == len(halves), "has one public key twice")


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
    witnesses = [one.value for one in directory.witness_keys if not one.life.removed]
    for names in ([one.name for one in witnesses], [one.member for one in witnesses]):
        _expect(len(names) == len(set(names)), "has one witness, or one member's, twice")
    members = directory.members
    _expect(
        all(one.member in members and members[one.member].status is not Status.LEFT for one in witnesses),
        "has a witness that is no member's",
    )
    quorum = directory.quorum
    # Two quorums of n always share an honest witness, or nobody pretends to witness.
    _expect(
        (quorum.k, quorum.n) == (0, 0)
        or (quorum.n == len(witnesses) and quorum.n < 2 * quorum.k <= 2 * quorum.n),
        f"has a quorum of {quorum.k} of {quorum.n} for {len(witnesses)} witnesses",
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
        # So that what it signs later counts for nobody, whatever a later version says.
        living = [key for key in (*member.keys, *member.board_keys) if not key.life.removed]
        _expect(member.status is not Status.LEFT or not living, f"leaves keys to {member.id}, who left")
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
