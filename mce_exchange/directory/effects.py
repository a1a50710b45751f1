"""What each public Statement but a Directory changes (SPEC sections 8.4 to 8.8).

One function for each type: `(state, signed, id, index)` gives the next state, or raises a
`ProtocolError` or `LogError` and changes nothing. The Statement has been judged by `authority`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from mce_exchange.directory.authority import Signed, anchor_below
from mce_exchange.directory.known import Prekey, Recovered, Revoked, Suspended, Tick
from mce_exchange.directory.model import Holder, Kind
from mce_exchange.directory.records import signing_key
from mce_exchange.errors import ContextError
from mce_exchange.v1 import statement_pb2

if TYPE_CHECKING:
    from mce_exchange.directory.public import PublicState

_EPOCHS_KEPT: Final = 12
_SUSPENSIONS_EACH: Final = 2
_DAY: Final = 24 * 3600
CUT_SECONDS: Final = 30 * _DAY
_TICK_SECONDS: Final = _DAY // 2


def _prekey(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.Prekey, signed)
    last = state.last_prekeys.get(body.member)
    # The chain goes over revoked ones too, so that no old prekey comes in again (threat R1).
    if last is not None and (body.epoch, body.previous) != (last[0] + 1, last[1]):
        raise ContextError(f"prekey epoch {body.epoch} does not follow epoch {last[0]}")
    if body.not_before_minutes >= body.nominal_end_minutes:
        raise ContextError("a prekey that ends before it begins")
    prekey = Prekey(
        id=id_,
        member=body.member,
        epoch=body.epoch,
        public_key=body.public_key,
        signers=tuple(body.signers),
        not_before_minutes=body.not_before_minutes,
        nominal_end_minutes=body.nominal_end_minutes,
        index=index,
    )
    kept = (*state.prekeys.get(body.member, ()), prekey)[-_EPOCHS_KEPT:]
    return replace(
        state,
        prekeys={**state.prekeys, body.member: kept},
        last_prekeys={**state.last_prekeys, body.member: (body.epoch, id_)},
    )


def _tls_keys(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.TlsKeys, signed)
    before = state.doors.get(body.member, (0, ()))[0]
    if body.number != before + 1:
        raise ContextError(f"certificate set {body.number} does not follow set {before}")
    return _with_doors(state, body.member, tuple(body.certificates))


def _with_doors(state: "PublicState", member: str, certificates: tuple[bytes, ...]) -> "PublicState":
    """The next set of a member. What the bytes encode is the door's business: state stays one for all."""
    directory = state.directory
    others = {der for other in directory.members if other != member for der in state.certificates(other)}
    others.update(der for relay in directory.relays.values() for der in relay.certificates)
    if len(set(certificates)) != len(certificates) or others.intersection(certificates):
        raise ContextError("a certificate that stands twice, or that another member presents already")
    number = state.doors.get(member, (0, ()))[0] + 1
    return replace(state, doors={**state.doors, member: (number, certificates)})


def _revocation(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.Revocation, signed)
    holder = state.holder(body.key_id)
    # Roots and boards are changed by a Directory: no member takes away those who can mend its loss.
    if holder is None or holder.kind not in (Kind.MEMBER, Kind.RELAY) or holder.id != body.member:
        raise ContextError(f"{body.key_id.hex()} is not a key of {body.member}")
    cut = _cut(state, body.cut, index, together=signed.kind is Kind.ROOT)
    return _revoke(state, {body.key_id}, cut, index)


def _cut(state: "PublicState", note: bytes, index: int, *, together: bool) -> int:
    """The tree size from which signatures stop to be valid.

    Only the threshold reaches back further than 30 days of the log's clock; for anybody else the first
    logged anchor within them counts, so that nobody disowns old evidence (threat D8).
    """
    anchor = anchor_below(state, note, index)
    size = anchor.checkpoint.size
    if together or not state.ticks or anchor.time >= state.ticks[-1].time - CUT_SECONDS:
        return size
    return max(size, state.ticks[0].size)


def _revoke(state: "PublicState", key_ids: set[bytes], cut: int, index: int) -> "PublicState":
    revoked = dict(state.revoked)
    for key_id in key_ids:
        before = revoked.get(key_id)
        # The lowest cut and the first index count: a thief gains nothing by revoking again.
        revoked[key_id] = Revoked(
            cut=min(cut, before.cut) if before else cut, index=before.index if before else index
        )
    # Revoking, unlike rotating, kills every prekey the key signed: the thief may hold their halves.
    prekeys = {
        member: tuple(one for one in known if not key_ids.intersection(one.signers))
        for member, known in state.prekeys.items()
    }
    return replace(state, revoked=revoked, prekeys=prekeys)


def _suspension(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.Suspension, signed)
    state.directory.member(body.member)
    anchor_below(state, body.anchor, index)
    root_key = body.signers[0]
    standing = sum(one.root_key == root_key for one in state.suspended.values())
    if body.member in state.suspended or standing >= _SUSPENSIONS_EACH:
        raise ContextError("this root key, alone, suspends no further member")
    if id_ in state.suspensions:
        raise ContextError("a suspension that took effect before")
    suspended = Suspended(id=id_, index=index, root_key=root_key)
    return replace(
        state,
        suspended={**state.suspended, body.member: suspended},
        suspensions=state.suspensions | {id_},
    )


def _clock(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    anchor = anchor_below(state, _as(statement_pb2.Clock, signed).anchor, index)
    if not anchor.witnessed:
        raise ContextError(f"an anchor with {anchor.text} is no clock")
    tick = Tick(time=anchor.time, size=anchor.checkpoint.size)
    if tick.time > state.directory.expires_minutes * 60:
        raise ContextError("an anchor of after the end of the Directory in force")
    last = state.ticks[-1] if state.ticks else None
    if last and (tick.time < last.time + _TICK_SECONDS or tick.size < last.size):
        raise ContextError("an anchor that is not half a day above the last logged one")
    kept = tuple(one for one in state.ticks if one.time >= tick.time - CUT_SECONDS)
    return replace(state, ticks=(*kept, tick))


def _contest(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.Contest, signed)
    before = state.contested.get(body.statement_id, ())
    if body.member in before:
        return state
    return replace(state, contested={**state.contested, body.statement_id: (*before, body.member)})


def _board_recovery(state: "PublicState", signed: Signed, id_: bytes, index: int) -> "PublicState":
    body = _as(statement_pb2.BoardRecovery, signed)
    key = signing_key(body.new_key)
    if key.life.added or key.life.removed:
        raise ContextError("a recovered key names Directory versions")
    known = [holder.key.public for holder in state.directory.holders.values()]
    known += [one.holder.key.public for one in state.recovered.values()]
    if any(key.public.ed25519 == one.ed25519 or key.public.ml_dsa_65 == one.ml_dsa_65 for one in known):
        raise ContextError("a recovered key that somebody holds or held already")
    lost = {one.public.id for one in state.directory.member(body.member).keys}
    lost |= {key_id for key_id, one in state.recovered.items() if one.holder.id == body.member}
    state = _revoke(state, lost, _cut(state, body.cut, index, together=False), index)
    if body.certificates:
        state = _with_doors(state, body.member, tuple(body.certificates))
    holder = Holder(kind=Kind.MEMBER, id=body.member, key=key)
    recovered = {**state.recovered, key.public.id: Recovered(holder=holder, index=index)}
    return replace(state, recovered=recovered)


def _as(kind: type[Any], signed: Signed) -> Any:
    if not isinstance(signed.body, kind):
        raise ContextError(f"a Statement of type {signed.statement.type}, not {kind.DESCRIPTOR.name}")
    return signed.body


Effect = Callable[["PublicState", Signed, bytes, int], "PublicState"]
EFFECTS: Final[Mapping[str, Effect]] = MappingProxyType(
    {
        "prekey": _prekey,
        "tls-keys": _tls_keys,
        "revocation": _revocation,
        "suspension": _suspension,
        "clock": _clock,
        "contest": _contest,
        "board-recovery": _board_recovery,
    }
)
"""By type: every public one but `directory`, whose rules are `trust`'s."""
