"""What each public Statement but a Directory changes, and when it contradicts the state (SPEC 8.4 to 8.8)."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from .authority import Signed
from .directory import Key, check_key
from .refusal import must
from .state import Prekey, Recovered, Revocation, State, Suspension

PREKEYS_KEPT, SUSPENSIONS_EACH = 12, 2
DAY = 24 * 3600


def _prekey(state: State, signed: Signed, id_: bytes, index: int) -> State:
    body = signed.body
    member, epoch = body.text("member"), body.number("epoch")
    if member in state.last_prekeys:
        last = state.last_prekeys[member]
        must((epoch, body.data("previous")) == (last[0] + 1, last[1]), "context", "it follows another prekey")
    ends = body.number("nominal_end_minutes")
    must(body.number("not_before_minutes") < ends, "context", "a prekey that ends before it begins")
    made = Prekey(id_, body.data("public_key"), tuple(body.every("signers")), index)
    kept = (*state.prekeys.get(member, ()), made)[-PREKEYS_KEPT:]
    return replace(
        state,
        prekeys={**state.prekeys, member: kept},
        last_prekeys={**state.last_prekeys, member: (epoch, id_)},
    )


def _tls_keys(state: State, signed: Signed, id_: bytes, index: int) -> State:
    member, number = signed.body.text("member"), signed.body.number("number")
    before = state.doors.get(member, (0, ()))[0]
    must(number == before + 1, "context", f"set {number} does not follow set {before}")
    return _with_doors(state, member, signed.body.every("certificates"))


def _with_doors(state: State, member: str, certificates: Iterable[bytes]) -> State:
    """8.7: the member's next set."""
    made = tuple(certificates)
    names = [one.text("id") for one in state.directory.members]
    others = {der for name in names if name != member for der in state.certificates(name)}
    others |= {der for relay in state.directory.body.records("relays") for der in relay.every("certificates")}
    must(len(set(made)) == len(made) and not others & set(made), "context", "a certificate stands twice")
    return replace(state, doors={**state.doors, member: (state.doors.get(member, (0, ()))[0] + 1, made)})


def _revocation(state: State, signed: Signed, id_: bytes, index: int) -> State:
    body = signed.body
    key = state.key(body.data("key_id"))
    fits = key is not None and key.kind in ("member", "relay") and key.holder == body.text("member")
    must(fits, "context", "not a key of the member or relay named")
    cut = _cut(state, body.data("cut"), index, together=signed.kind == "root")
    return _revoke(state, {body.data("key_id")}, cut, index)


def _cut(state: State, note: bytes, index: int, *, together: bool) -> int:
    anchor = state.anchor_below(note, index)
    size = anchor.checkpoint.size
    if together or not state.clocks or anchor.time >= state.clocks[-1][0] - 30 * DAY:
        return size
    since = state.clocks[-1][0] - 30 * DAY
    return max(size, next(at for time, at in state.clocks if time >= since))


def _revoke(state: State, key_ids: set[bytes], cut: int, index: int) -> State:
    revoked = dict(state.revoked)
    for key_id in key_ids:
        before = revoked.get(key_id, Revocation(cut, index))
        revoked[key_id] = Revocation(min(cut, before.cut), before.index)
    prekeys = {
        holder: tuple(one for one in known if not key_ids & set(one.signers))
        for holder, known in state.prekeys.items()
    }
    return replace(state, revoked=revoked, prekeys=prekeys)


def _suspension(state: State, signed: Signed, id_: bytes, index: int) -> State:
    member, root_key = signed.body.text("member"), signed.body.data("signers")
    must(state.directory.member(member) is not None, "directory", f"{member} is not a member")
    state.anchor_below(signed.body.data("anchor"), index)
    must(not state.suspended(member), "context", f"{member} is suspended already")
    own = sum(one.root_key == root_key for one in state.suspensions)
    must(own < SUSPENSIONS_EACH, "context", "this root key has suspended two members")
    return replace(state, suspensions=(*state.suspensions, Suspension(id_, member, index, root_key)))


def _clock(state: State, signed: Signed, id_: bytes, index: int) -> State:
    anchor = state.anchor_below(signed.body.data("anchor"), index)
    time, size = anchor.time, anchor.checkpoint.size
    quorum = state.directory.quorum_at(size)
    must(len(anchor.witnesses) >= quorum, "context", "a clock's anchor below its quorum")
    ends = 60 * state.directory.body.number("expires_minutes")
    must(time <= ends, "context", "a clock after the end of the Directory")
    if state.clocks:
        last = state.clocks[-1]
        must(time >= last[0] + DAY // 2 and size >= last[1], "context", "a clock too soon after the last")
    return replace(state, clocks=(*state.clocks, (time, size)))


def _contest(state: State, signed: Signed, id_: bytes, index: int) -> State:
    return state


def _board_recovery(state: State, signed: Signed, id_: bytes, index: int) -> State:
    body = signed.body
    member, record = body.text("member"), body.record("new_key")
    check_key(record)
    versions = record.has("added_version") or record.has("removed_version")
    must(not versions, "context", "a recovered key that names versions")
    key = Key("member", member, record)
    held = {half for one in state.keys().values() for half in one.halves}
    must(not held & set(key.halves), "context", "a recovered key that stands somewhere already")
    lost = {one.id for one in state.keys().values() if (one.kind, one.holder) == ("member", member)}
    state = _revoke(state, lost, _cut(state, body.data("cut"), index, together=False), index)
    if body.has("certificates"):
        state = _with_doors(state, member, body.every("certificates"))
    return replace(state, recovered={**state.recovered, key.id: Recovered(key, index)})


EFFECTS: dict[str, Callable[[State, Signed, bytes, int], State]] = {
    "prekey": _prekey,
    "tls-keys": _tls_keys,
    "revocation": _revocation,
    "suspension": _suspension,
    "clock": _clock,
    "contest": _contest,
    "board-recovery": _board_recovery,
}
