"""Genuine Statements that contradict what the log has said before (SPEC 8.4 to 8.8, 9.4)."""

import base64
from typing import Any

from tools.vectors import raw
from tools.vectors.files import Fault
from tools.vectors.history import History
from tools.vectors.statement_base import Made, Signing, same
from tools.vectors.world import NOW, SIGNERS, World, seed, signers


def contradictions(history: History) -> Made:
    """Genuine Statements that contradict what the log has said."""
    world = history.world
    sign = Signing(world)

    def fault(
        entry: str, name: str, says: str, data: bytes, section: str, expect: str = "context"
    ) -> tuple[str, Fault]:
        return entry, Fault(name=name, expect=expect, section=section, says=says, input={"statement": data})

    def es(name: str, says: str, how: raw.Change) -> tuple[str, Fault]:
        return fault("prekey-es-2", f"prekey-{name}", says, sign.again("prekey-es-2", how), "8.6")

    yield es("epoch-again", "the epoch of the one before", raw.put(3, 1))
    yield es("epoch-skipped", "an epoch too far", raw.put(3, 3))
    yield es("previous-missing", "it follows none", raw.drop(4))
    yield es("previous-of-another", "it follows another", raw.put(4, seed("another prekey")))
    yield es("ends-before-it-begins", "it ends before it begins", raw.put(7, 1))
    yield es("ends-as-it-begins", "it ends as it begins", raw.put(7, _number(world, "prekey-es-2", 6)))
    doors = "tls-keys"
    yield fault(
        doors, "tls-keys-number-2", "a set without the one before", sign.again(doors, raw.put(3, 2)), "8.7"
    )
    of_es = raw.put(4, world.doors["es"], 1)
    yield fault(
        doors, "tls-keys-of-another", "a certificate of another member", sign.again(doors, of_es), "8.7"
    )
    relays = raw.put(4, world.doors["relay"], 1)
    yield fault(doors, "tls-keys-of-the-relay", "the relay's certificate", sign.again(doors, relays), "8.7")
    twice = raw.put(4, world.doors["be"], 1)
    yield fault(doors, "tls-keys-one-twice", "one certificate twice", sign.again(doors, twice), "8.7")
    yield from _revocations(world, sign)
    held = "suspension"
    yield fault(
        held,
        "suspension-of-nobody",
        "a member that is none",
        sign.again(held, raw.put(2, b"nobody")),
        "8.5",
        "directory",
    )
    above = raw.put(3, world.anchor(world.entry(held)[0] + 1, witnesses={}))
    yield fault(held, "suspension-anchor-above", "an anchor above it", sign.again(held, above), "8.5")
    other = raw.put(3, _unsigned(_note(world, held, 3)))
    yield fault(
        held, "suspension-anchor-unsigned", "an anchor that does not hold", sign.again(held, other), "8.5"
    )
    again = {"index": world.entry(held)[0] + 1, "statement": sign.again(held, same, "root-1")}
    says = "a member that is suspended already"
    yield held, Fault(name="suspension-again", expect="context", section="8.5", says=says, input=again)
    third = {"index": world.entry("suspension-2")[0] + 1, "statement": sign.again(held, raw.put(2, b"be"))}
    says = "a third member, by one root alone"
    yield held, Fault(name="suspension-of-a-third", expect="context", section="8.5", says=says, input=third)
    private = {"statement": world.entry("void")[1].raw}
    says = "a private Statement as a public one"
    yield held, Fault(name="public-is-private", expect="context", section="4.2", says=says, input=private)
    late = {"index": world.entry("directory-2")[0] + 1, "statement": world.entry(held)[1].raw}
    says = "a suspension that was lifted, logged again"
    yield held, Fault(name="suspension-replayed", expect="context", section="8.5", says=says, input=late)
    mark = "high-water"
    size = raw.put(6, world.entry(mark)[0] + 1)
    yield fault(mark, "high-water-above-itself", "a tree above it", sign.again(mark, size), "9.4")
    for entry, number in (("overdue", 4), ("erasure", 5)):
        above = raw.put(number, world.anchor(world.entry(entry)[0] + 1, witnesses={}))
        yield fault(entry, f"{entry}-anchor-above", "an anchor above it", sign.again(entry, above), "9.4")
        forged = raw.put(number, _unsigned(_note(world, entry, number)))
        yield fault(
            entry,
            f"{entry}-anchor-unsigned",
            "an anchor that does not hold",
            sign.again(entry, forged),
            "9.4",
        )
    yield from _clocks(world, sign)
    yield from _recoveries(world, sign)


def _number(world: World, entry: str, number: int) -> int:
    fields = raw.parse(world.entry(entry)[1].statement.body)
    value = fields[raw.position(fields, number)].value
    return value if isinstance(value, int) else 0


def _unsigned(note: bytes) -> bytes:
    lines = note.split(b"\n")
    return b"\n".join([*lines[:2], base64.b64encode(seed("another root")), *lines[3:]])


def _revocations(world: World, sign: Signing) -> Made:
    entry = "revocation"

    def fault(name: str, says: str, how: raw.Change, *keys: str) -> tuple[str, Fault]:
        given = {"statement": sign.again(entry, how, *keys)}
        return entry, Fault(
            name=f"revocation-{name}", expect="context", section="8.4", says=says, input=given
        )

    yield fault("of-an-unknown-key", "a key that nobody has", raw.put(3, seed("a key")))
    yield fault("of-anothers-key", "a key of another member than named", raw.put(3, signers("be-1")[0]))
    two = ("root-1", "root-2")
    root = lambda fields: raw.put(3, signers("root-1")[0])(raw.put(2, b"federation")(fields))  # noqa: E731 # two changes
    yield fault("of-a-root", "a root's key, which only a Directory removes", root, *two)
    yield fault("cut-of-another-log", "a cut of another log", raw.put(4, _renamed(_note(world, entry, 4))))
    yield fault(
        "cut-unsigned", "a cut that the log did not sign", raw.put(4, _unsigned(_note(world, entry, 4)))
    )
    larger = world.anchor(witnesses={})
    yield fault("cut-above-itself", "a cut above the revocation", raw.put(4, larger))


def _note(world: World, entry: str, number: int) -> bytes:
    return raw.value(world.entry(entry)[1].statement.body, (number, 0))


def _renamed(note: bytes) -> bytes:
    return note.replace(b"mce1/", b"mce2/")


def _clocks(world: World, sign: Signing) -> Made:
    entry = "clock"

    def fault(name: str, says: str, note: bytes, **more: Any) -> tuple[str, Fault]:
        given = {"statement": sign.again(entry, raw.put(2, note)), **more}
        return entry, Fault(name=f"clock-{name}", expect="context", section="8.4", says=says, input=given)

    yield fault(
        "below-the-quorum", "an anchor with one of three witnesses", world.anchor(16, witnesses={"be": NOW})
    )
    after = world.entry(entry)[0] + 1
    soon = {"be": NOW + 3600, "es": NOW + 3600}
    yield fault("too-soon", "an hour above the last one", world.anchor(16, witnesses=soon), index=after)
    years = {"be": NOW + 10**9, "es": NOW + 10**9}
    yield fault("after-the-directory", "a time after the Directory's end", world.anchor(16, witnesses=years))
    yield fault("above-itself", "an anchor above it", world.anchor(world.entry(entry)[0] + 1))


def _recoveries(world: World, sign: Signing) -> Made:
    entry = "board-recovery"
    board = ("pt-board-1", "pt-board-2")

    def fault(
        name: str, says: str, how: raw.Change, section: str = "8.8", expect: str = "context"
    ) -> tuple[str, Fault]:
        given = {"statement": sign.again(entry, how, *board)}
        return entry, Fault(name=f"recovery-{name}", expect=expect, section=section, says=says, input=given)

    body = world.entry(entry)[1].statement.body
    key = raw.value(body, (3, 0))
    yield fault(
        "of-a-known-key", "a key that pt had", raw.put(3, raw.change(key, (), _key_of(world, "pt-1")))
    )
    yield fault("with-a-life", "a key that names a version", raw.put(3, raw.change(key, (), raw.put(3, 2))))
    small = raw.put(1, b"\1" + bytes(31))
    yield fault(
        "of-the-identity",
        "a key that is not admissible",
        raw.put(3, raw.change(key, (), small)),
        "3.2",
        "malformed",
    )
    yield fault("cut-above-itself", "a cut above it", raw.put(5, world.anchor(witnesses={})))
    yield fault("door-of-another", "a certificate of another member", raw.put(4, world.doors["es"]))


def _key_of(world: World, name: str) -> raw.Change:
    public = SIGNERS[name].public
    return lambda fields: raw.put(2, public.ml_dsa_65)(raw.put(1, public.ed25519)(fields))
