"""What one Directory version changes, in sentences: a root's holder reads them before signing (SPEC 8.3)."""

from collections.abc import Iterator, Mapping, Sequence
from time import gmtime, strftime

from mce_exchange.directory.model import Act, Directory, Life, Member, SigningKey
from mce_exchange.primitives.verify import sha256
from mce_exchange.text import one_line


def between(before: Directory, after: Directory) -> list[str]:
    """Every change but the dates, each a line of plain text; then how long the new version is valid."""
    found = [*_roots(before, after), *_members(before, after), *_log(before, after)]
    if before.name != after.name:
        found.append(f"the network is called {one_line(after.name)}")
    if before.default_policy != after.default_policy:
        found.append(f"two persons of every member for: {_acts(after.default_policy)}")
    if found:
        found.append(f"valid until {strftime('%Y-%m-%d', gmtime(after.expires_minutes * 60))}")
    return found


def _roots(before: Directory, after: Directory) -> Iterator[str]:
    yield from _keys("root", before.root_keys, after.root_keys)
    if before.root_threshold != after.root_threshold:
        yield f"{after.root_threshold} root signatures are needed, so far {before.root_threshold}"
    if before.exercise != after.exercise:
        yield "an exercise from here on" if after.exercise else "NO LONGER AN EXERCISE"


def _members(before: Directory, after: Directory) -> Iterator[str]:
    for member in after.members.values():
        was = before.members.get(member.id)
        if was is None:
            where = f", {one_line(member.country)}" if member.country else ""
            yield f"{member.id} enters: {one_line(member.name)}{where}, {member.role.name.lower()}"
            yield from _keys(member.id, (), member.keys, persons=True)
            continue
        yield from _member(was, member)
    for id_ in after.lifted_suspensions:
        yield f"suspension {id_.hex()[:16]} is lifted"


def _member(was: Member, member: Member) -> Iterator[str]:
    if was.status != member.status:
        yield f"{member.id} is {member.status.name.lower()}, so far {was.status.name.lower()}"
    if was.role != member.role:
        yield f"{member.id} is {member.role.name.lower()}, so far {was.role.name.lower()}"
    for what, old, new in (
        ("name", was.name, member.name),
        ("country", was.country, member.country),
        ("telephone", was.phone, member.phone),
    ):
        if old != new:
            yield f"{member.id}: {what} {one_line(new) or 'none'}, so far {one_line(old) or 'none'}"
    if was.certificates != member.certificates:
        yield f"{member.id}: other door certificates"
    if was.policy != member.policy:
        yield f"{member.id}: two persons for {_acts(member.policy)}"
    yield from _keys(member.id, was.keys, member.keys, persons=True)
    yield from _keys(f"the board of {member.id}", was.board_keys, member.board_keys)
    if was.board_threshold != member.board_threshold:
        yield f"the board of {member.id}: {member.board_threshold} signatures, so far {was.board_threshold}"


def _log(before: Directory, after: Directory) -> Iterator[str]:
    for relay in after.relays.values():
        was = before.relays.get(relay.id)
        if was is None:
            yield f"relay {relay.id} begins at {one_line(relay.address)}"
        elif _ended(was.life, relay.life):
            yield f"relay {relay.id} ends"
        elif was.address != relay.address:
            yield f"relay {relay.id} is at {one_line(relay.address)}"
        if relay.tiles != (was.tiles if was else ""):
            yield f"relay {relay.id} shows its log at {one_line(relay.tiles) or 'no address'}"
        if was is not None:
            new = len(set(relay.certificates) - set(was.certificates))
            if was.certificates != relay.certificates:
                yield f"relay {relay.id} shows {len(relay.certificates)} doors, {new} of them new"
            yield from _keys(f"relay {relay.id}", was.keys, relay.keys)
    old = {one.value: one.life for one in before.log_keys}
    if any(one.value not in old for one in after.log_keys):
        yield "the log has another key"
    witnesses = {one.value: one.life for one in before.witness_keys}
    for witness in after.witness_keys:
        if witness.value not in witnesses:
            key = sha256(witness.value.ed25519 + witness.value.ml_dsa_44).hex()
            name = f"{one_line(witness.value.name)} of {witness.value.member}"
            yield f"witness {name} begins, with key {key}"
        elif _ended(witnesses[witness.value], witness.life):
            yield f"witness {one_line(witness.value.name)} ends"
    if after.closed:
        yield "THE LOG ENDS HERE: nothing that is signed after this version counts"
        if after.successor:
            yield f"the members go on in network {after.successor.hex()}"
    if before.quorum != after.quorum:
        yield f"{after.quorum.k} of {after.quorum.n} witnesses, so far {before.quorum.k} of {before.quorum.n}"


def _keys(
    owner: str, before: Sequence[SigningKey], after: Sequence[SigningKey], *, persons: bool = False
) -> Iterator[str]:
    old = {key.public.id: key for key in before}
    for key in after:
        was, name = old.get(key.public.id), f"key {key.public.id.hex()}"
        whose = _person(key.label) if persons else ""
        if was is None:
            yield f"{owner}: {name} begins{whose}"
            continue
        if _ended(was.life, key.life):
            yield f"{owner}: {name} ends"
        if persons and was.label != key.label:
            yield f"{owner}: {name} changes hands{whose or ', to the desk'}"


def _person(label: str) -> str:
    # Whoever enters a labelled key asks that person: the desk may be the one that was hijacked.
    return f", of another person than the desk: {one_line(label)}" if label else ""


def _ended(was: Life, life: Life) -> bool:
    return bool(life.removed and not was.removed)


def _acts(policy: Mapping[Act, int]) -> str:
    named = sorted(act.name.lower().replace("_", " ") for act, persons in policy.items() if persons > 1)
    return ", ".join(named) or "nothing"
