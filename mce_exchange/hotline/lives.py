"""The whole life of every key of a member, as its log has it: what `mce key` shows, contests beside it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.directory.model import SigningKey
from mce_exchange.directory.public import PublicState
from mce_exchange.hotline.signing import since
from mce_exchange.primitives.verify import sha256
from mce_exchange.v1 import statement_pb2

TYPES: Final = ("prekey", "tls-keys", "revocation", "board-recovery")
"""The public Statements, besides Directories, in which keys come and go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLife:
    """`id` is the key's, the prekey Statement's, or the SHA-256 of a door's certificate.

    `since` and `until` are log indices, the versions those of Directories; 0 where there is none: what is
    `made` has not reached the log. A signature from `cut` on is disputed up to `until`, and none above.
    `contested` names who says that this change was not theirs. `by_board`: the member's board gave it.
    `person`: whose it is, if another's than the desk's.
    """

    kind: str
    id: bytes
    state: str
    since: int
    version: int = 0
    until: int = 0
    end_version: int = 0
    cut: int = 0
    contested: tuple[str, ...] = ()
    by_board: bool = False
    person: str = ""


@dataclass(slots=True)
class _Seen:
    """Statement ids by what they changed."""

    revocations: dict[bytes, list[bytes]] = field(default_factory=dict)
    recoveries: dict[int, bytes] = field(default_factory=dict)
    prekeys: list[tuple[int, bytes, statement_pb2.Prekey]] = field(default_factory=list)
    doors: list[tuple[int, bytes, tuple[bytes, ...]]] = field(default_factory=list)


def lives_of(state: PublicState, member: str, logged: Iterable[tuple[int, bytes]]) -> list[KeyLife]:
    """Every key that a member has or had, signing keys first, each kind in the order of its coming.

    `logged` are index and bytes of the Statements of these `TYPES` that held, in log order.
    """
    seen = _seen(state, member, logged)
    record = state.directory.members.get(member)
    own = [*record.keys] if record else []
    recovered = [one.holder.key for one in state.recovered.values() if one.holder.id == member]
    own += [key for key in recovered if key.public.id not in {one.public.id for one in own}]
    found = [_signing(state, member, "signing", key, seen) for key in own]
    found += [_signing(state, member, "board", key, seen) for key in (record.board_keys if record else ())]
    found.sort(key=lambda one: (one.kind != "signing", one.since))
    return [*found, *_doors(state, member, seen), *_prekeys(state, member, seen)]


def warnings(state: PublicState, member: str) -> list[str]:
    """What a person has to know before sealing to a member: changes in its name that somebody contests."""
    prekey = state.prekey(member)
    found = [
        f"{who} contests the prekey of {member}" for who in _contests(state, prekey.id if prekey else b"")
    ]
    record = state.directory.members.get(member)
    living = [key for key in record.keys if not key.life.removed] if record else []
    ids = {state.directory.ids[key.life.added - 1] for key in living}
    if any(member in _contests(state, id_) for id_ in ids):
        found.append(f"{member} contests the Directory version that gave it a key")
    # Until the threshold of roots has listed what a board said.
    if any(
        one.holder.id == member and key_id not in state.directory.holders and key_id not in state.revoked
        for key_id, one in state.recovered.items()
    ):
        found.append(f"the board of {member} gave it a new key, which no Directory lists yet")
    return [f"{one}: telephone {member} before you rely on it" for one in found]


def _seen(state: PublicState, member: str, logged: Iterable[tuple[int, bytes]]) -> _Seen:
    seen = _Seen()
    for index, raw in logged:
        decoded = statements.decode(raw)
        body = statements.BODIES[decoded.type].FromString(decoded.body)
        id_ = decoded.id(state.directory.network_id)
        if getattr(body, "member", "") != member:
            continue
        if isinstance(body, statement_pb2.Prekey):
            seen.prekeys.append((index, id_, body))
        elif isinstance(body, statement_pb2.TlsKeys):
            seen.doors.append((index, id_, tuple(body.certificates)))
        elif isinstance(body, statement_pb2.Revocation):
            seen.revocations.setdefault(body.key_id, []).append(id_)
        elif isinstance(body, statement_pb2.BoardRecovery):
            seen.recoveries[index] = id_
            if body.certificates:
                seen.doors.append((index, id_, tuple(body.certificates)))
    return seen


def _signing(state: PublicState, member: str, kind: str, key: SigningKey, seen: _Seen) -> KeyLife:
    directory, key_id, life = state.directory, key.public.id, key.life
    revoked, recovered = state.revoked.get(key_id), state.recovered.get(key_id)
    holder = state.holder(key_id)
    begun = since(state, holder) if holder else 0
    ended = directory.indices[life.removed - 1] if life.removed else 0
    versions = [v for v in (life.added, life.removed) if v]
    # A version changes many members: only the member itself contests what it says of it.
    voices = {who for v in versions for who in _contests(state, directory.ids[v - 1]) if who == member}
    for id_ in seen.revocations.get(key_id, ()):
        voices.update(_contests(state, id_))
    if recovered:
        voices.update(_contests(state, seen.recoveries.get(recovered.index, b"")))
    return KeyLife(
        kind=kind,
        id=key_id,
        state="revoked" if revoked else "ended" if life.removed else "lives",
        since=begun,
        version=life.added,
        until=min(one for one in (ended, revoked.index if revoked else 0) if one) if ended or revoked else 0,
        end_version=life.removed,
        cut=revoked.cut if revoked else 0,
        contested=tuple(sorted(voices)),
        by_board=recovered is not None,
        person=key.label if kind == "signing" else "",
    )


def _doors(state: PublicState, member: str, seen: _Seen) -> Iterator[KeyLife]:
    record = state.directory.members.get(member)
    sets = [(0, b"", record.certificates if record else ()), *seen.doors]
    counts = state.certificates(member) if record else ()
    known: dict[bytes, KeyLife] = {}
    for number, (index, id_, certificates) in enumerate(sets):
        later = sets[number + 1 :]
        for der in certificates:
            gone = next((at for at, _, there in later if der not in there), 0)
            known.setdefault(
                der,
                KeyLife(
                    kind="door",
                    id=sha256(der),
                    state="lives" if der in counts else "ended",
                    since=index,
                    until=gone,
                    contested=_contests(state, id_),
                ),
            )
    yield from known.values()


def _prekeys(state: PublicState, member: str, seen: _Seen) -> Iterator[KeyLife]:
    newest = state.prekey(member)
    for number, (index, id_, body) in enumerate(seen.prekeys):
        after = seen.prekeys[number + 1][0] if number + 1 < len(seen.prekeys) else 0
        killed = [one.index for signer in body.signers if (one := state.revoked.get(signer))]
        in_use = newest is not None and newest.id == id_
        yield KeyLife(
            kind="prekey",
            id=id_,
            state="killed" if killed else "lives" if in_use else "followed",
            since=index,
            until=min((at for at in (after, *killed) if at), default=0),
            contested=_contests(state, id_),
        )


def _contests(state: PublicState, statement_id: bytes) -> tuple[str, ...]:
    return state.contested.get(statement_id, ())
