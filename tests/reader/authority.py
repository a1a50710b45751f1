"""Verifying a Statement at a log index, in the order of SPEC 4.3."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import header
from .directory import AUDITOR, Key
from .framing import TYPES, Statement
from .refusal import must
from .signatures import check_blocks
from .wire import Record, decode

if TYPE_CHECKING:
    from .state import State

URGENT = 1
RELAY_SIGNS = {"undeliverable", "overdue", "erasure"}
ROOTS_SIGN = {"revocation", "suspension"}
MEMBERS_DO_NOT = {"undeliverable", "overdue", "suspension", "board-recovery"}
OWN_NAME = {
    "delivered": "member",
    "refused": "member",
    "void": "sender",
    "high-water": "sender",
    "prekey": "member",
    "tls-keys": "member",
    "contest": "member",
    "erasure": "author",
}
VALID, DISPUTED, INVALID = "valid", "disputed", "invalid"


@dataclass(frozen=True)
class Signed:
    """A Statement that counts; `verdict` is valid or disputed."""

    statement: Statement
    body: Record
    kind: str
    author: str
    verdict: str


def authenticate(statement: Statement, state: "State", index: int) -> Signed:
    """Steps 2 to 8; step 1 made `statement`."""
    body = decode(TYPES[statement.type][0], statement.body)
    core = decode("HeaderCore", body.data("core")) if statement.type == "header" else body
    keys = state.directory.keys
    check_blocks(statement, state.directory.network_id, keys)
    signers = [block.key_id for block in statement.blocks]
    must(signers == core.every("signers"), "signature", "signed by others than the body names")
    holders = [keys[signer] for signer in signers]
    kind, author = holders[0].kind, holders[0].holder
    must(all((one.kind, one.holder) == (kind, author) for one in holders), "signature", "two holders")
    must(_may(kind, statement.type), "signature", f"a {kind} signs {statement.type}")
    verdicts = [_verdict(one, state, index) for one in holders]
    must(INVALID not in verdicts, "signature", f"a key of {author} that does not count at {index}")
    if statement.type in OWN_NAME:
        own = body.text(OWN_NAME[statement.type]) == author
        must(own, "signature", f"{author} signs in another's name")
    if statement.type == "revocation" and kind == "member":
        must(body.text("member") == author, "signature", f"{author} revokes another's key")
    if statement.type == "header":
        _header(core, state, author, len(signers))
        header.check(header.read(statement.body))
    return Signed(statement, body, kind, author, DISPUTED if DISPUTED in verdicts else VALID)


def _may(kind: str, type_: str) -> bool:
    if kind == "root":
        return type_ in ROOTS_SIGN
    return type_ in RELAY_SIGNS if kind == "relay" else type_ not in MEMBERS_DO_NOT


def _verdict(key: Key, state: "State", index: int) -> str:
    if not state.directory.lives(key.record, index) or state.suspended(key.holder, index):
        return INVALID
    revoked = state.revoked.get(key.id)
    if revoked is None or index < revoked.cut:
        return VALID
    return DISPUTED if index <= revoked.index else INVALID


def _header(core: Record, state: "State", author: str, persons: int) -> None:
    must(core.text("sender") == author, "signature", f"{author} signs in another's name")
    member = state.directory.member(author)
    must(member is not None and member.number("role") != AUDITOR, "context", "an auditor sends no cases")
    if member is not None and core.has("urgent"):
        must(persons >= state.directory.persons(member, URGENT), "signature", "an urgent header asks for two")
