"""Statements by those who may not sign them, and fields beyond their bounds (SPEC 4.2, 10)."""

from typing import Final

from mce_exchange.statement import Statement
from tools.vectors import raw
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault
from tools.vectors.history import History
from tools.vectors.statement_base import Made, Signing, same

_BODIES: Final = {
    "Delivered": ("delivered-pt", ()),
    "DeliveredItem": ("delivered-pt", ((3, 0),)),
    "Refused": ("refused", ()),
    "RefusedItem": ("refused", ((3, 0),)),
    "Void": ("void", ()),
    "HighWater": ("high-water", ()),
    "ReWrap": ("re-wrap", ()),
    "Undeliverable": ("undeliverable", ()),
    "Overdue": ("overdue", ()),
    "Erasure": ("erasure", ()),
    "Prekey": ("prekey-es-2", ()),
    "TlsKeys": ("tls-keys", ()),
    "Revocation": ("revocation", ()),
    "Suspension": ("suspension", ()),
    "Clock": ("clock", ()),
    "Contest": ("contest", ()),
    "BoardRecovery": ("board-recovery", ()),
}


def bounds(history: History) -> Made:
    """Each field of each body above, below and without its bounds; not signed again."""
    for message, (name, path) in _BODIES.items():
        one = history.world.entry(name)[1].statement
        title = _title(message)
        for kind, expect, says, how in variants(
            message, raw.value(one.body, *path), room=64 if path else 1 << 24
        ):
            changed = Statement(one.type, raw.change(one.body, path, how), one.blocks).raw
            yield (
                name,
                Fault(
                    name=f"{title}-{kind}",
                    expect=expect,
                    section="10",
                    says=f"{message}.{says}",
                    input={"statement": changed},
                ),
            )

    one = history.world.entry("board-recovery")[1].statement
    doors = [raw.put(4, history.world.doors[name], nth) for nth, name in enumerate(("pt", "be", "be-2"))]
    body = one.body
    for how in doors:
        body = raw.change(body, (), how)
    says = "BoardRecovery.certificates stands 3 times"
    made = Statement(one.type, body, one.blocks).raw
    name = "board-recovery-certificates-too-many"
    yield (
        "board-recovery",
        Fault(name=name, expect="limit", section="10", says=says, input={"statement": made}),
    )


def _title(message: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in message)[1:]


def authority(history: History) -> Made:
    """Who signs what, and in whose name."""
    sign = Signing(history.world)

    def fault(entry: str, name: str, says: str, data: bytes, section: str = "4.2") -> tuple[str, Fault]:
        given = {"statement": data}
        return entry, Fault(name=f"by-{name}", expect="signature", section=section, says=says, input=given)

    yield fault(
        "delivered-pt",
        "the-relay-delivered",
        "the relay says that pt has it",
        sign.again("delivered-pt", same, "relay-1"),
    )
    successor = history.world.entry("directory-2")[1].raw
    at = history.world.entry("directory-2")[0] + 1
    given = {"index": at, "statement": successor}
    says = "a Directory where another Statement is asked for"
    one = Fault(name="by-roots-a-directory", expect="signature", section="4.3", says=says, input=given)
    yield "delivered-pt", one
    yield fault(
        "delivered-pt",
        "another-delivered",
        "es says that pt has it",
        sign.again("delivered-pt", same, "es-1"),
    )
    yield fault(
        "refused", "the-relay-refused", "the relay refuses for es", sign.again("refused", same, "relay-1")
    )
    yield fault("void", "another-void", "pt fills a number of be", sign.again("void", same, "pt-1"))
    yield fault(
        "void", "the-relay-void", "the relay fills a number of be", sign.again("void", same, "relay-1")
    )
    yield fault(
        "high-water",
        "another-high-water",
        "es gives be's highest number",
        sign.again("high-water", same, "es-1"),
    )
    yield fault(
        "re-wrap", "the-relay-re-wrap", "the relay wraps again", sign.again("re-wrap", same, "relay-1")
    )
    yield fault(
        "undeliverable",
        "a-member-undeliverable",
        "a member says that the relay cannot serve",
        sign.again("undeliverable", same, "be-1"),
    )
    yield fault(
        "overdue",
        "a-member-overdue",
        "a member says that an answer is overdue",
        sign.again("overdue", same, "be-1"),
    )
    yield fault(
        "erasure",
        "a-root-erasure",
        "a root says that it destroyed something",
        sign.again("erasure", raw.put(2, b"federation"), "root-1"),
    )
    yield fault(
        "erasure",
        "another-erasure",
        "a member says that the relay destroyed something",
        sign.again("erasure", same, "be-1"),
    )
    yield fault(
        "prekey-es-2",
        "another-prekey",
        "be gives a prekey of es",
        sign.again("prekey-es-2", same, "be-1"),
        "8.6",
    )
    yield fault(
        "prekey-es-2",
        "the-relay-prekey",
        "the relay gives a prekey of es",
        sign.again("prekey-es-2", same, "relay-1"),
        "8.6",
    )
    yield fault(
        "tls-keys",
        "another-tls-keys",
        "es gives the doors of be",
        sign.again("tls-keys", same, "es-1"),
        "8.7",
    )
    yield fault(
        "revocation",
        "another-revocation",
        "be revokes a key of es",
        sign.again("revocation", same, "be-1"),
        "8.4",
    )
    yield fault(
        "revocation",
        "one-root-revocation",
        "one root where two are asked for",
        sign.again("revocation", same, "root-1"),
        "8.4",
    )
    yield fault(
        "revocation",
        "the-relay-revocation",
        "the relay revokes a key of es",
        sign.again("revocation", same, "relay-1"),
        "8.4",
    )
    yield fault(
        "suspension",
        "a-member-suspension",
        "a member suspends another",
        sign.again("suspension", same, "be-1"),
        "8.5",
    )
    yield fault(
        "contest",
        "another-contest",
        "es contests in the name of be",
        sign.again("contest", same, "es-1"),
        "8.5",
    )
    yield fault(
        "contest",
        "a-root-contest",
        "a root contests in the name of be",
        sign.again("contest", same, "root-1"),
        "8.5",
    )
    yield fault(
        "clock", "a-root-clock", "a root logs an anchor as clock", sign.again("clock", same, "root-1"), "8.8"
    )
    yield fault(
        "board-recovery",
        "one-of-a-board",
        "one of a board where two are asked for",
        sign.again("board-recovery", same, "pt-board-1"),
        "8.8",
    )
    yield fault(
        "board-recovery",
        "another-member-recovery",
        "es recovers a key of pt",
        sign.again("board-recovery", same, "es-1"),
        "8.8",
    )
    yield fault(
        "board-recovery",
        "own-keys-recovery",
        "pt's own keys where its board is asked for",
        sign.again("board-recovery", same, "pt-1", "pt-2"),
        "8.8",
    )
