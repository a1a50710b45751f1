"""Verifying a Statement at a log index, in the order of SPEC 4.3."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import header
from .directory import ACTIVE, AUDITOR, Key
from .framing import TYPES, Statement
from .refusal import must
from .signatures import check_blocks
from .wire import Record, decode

if TYPE_CHECKING:
    from .state import State

URGENT = 1
# 4.2: who signs what, and in which field it names itself.
MEMBER, RELAY, ROOT, BOARD = {"member"}, {"relay"}, {"root"}, {"board"}
MAY: dict[str, tuple[set[str], str]] = {
    "header": (MEMBER, "sender"),
    "delivered": (MEMBER, "member"),
    "refused": (MEMBER, "member"),
    "void": (MEMBER, "sender"),
    "high-water": (MEMBER, "sender"),
    "re-wrap": (MEMBER, ""),
    "undeliverable": (RELAY, ""),
    "overdue": (RELAY, ""),
    "erasure": (MEMBER | RELAY, "author"),
    "prekey": (MEMBER, "member"),
    "tls-keys": (MEMBER, "member"),
    "revocation": (MEMBER | ROOT, ""),
    "suspension": (ROOT, ""),
    "clock": (MEMBER | RELAY, ""),
    "contest": (MEMBER, "member"),
    "board-recovery": (BOARD, "member"),
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
    keys = state.keys()
    check_blocks(statement, state.directory.network_id, keys)
    signers = [block.key_id for block in statement.blocks]
    named = core.every("signers") if statement.type != "directory" else signers
    must(signers == named, "signature", "signed by others than the body names")
    holders = [keys[signer] for signer in signers]
    kind, author = holders[0].kind, holders[0].holder
    must(all((one.kind, one.holder) == (kind, author) for one in holders), "signature", "two holders")
    # A Directory is nobody's to sign here: the one before judges it (8.2).
    may, own = MAY.get(statement.type, (set(), ""))
    must(kind in may, "signature", f"a {kind} signs {statement.type}")
    verdicts = [_verdict(one, state, index, statement.type) for one in holders]
    must(INVALID not in verdicts, "signature", f"a key of {author} that does not count at {index}")
    must(not own or core.text(own) == author, "signature", f"{author} signs in another's name")
    _rule(statement, body, core, state, holders, index)
    return Signed(statement, body, kind, author, DISPUTED if DISPUTED in verdicts else VALID)


def _verdict(key: Key, state: "State", index: int, type_: str) -> str:
    """Step 6."""
    if state.directory.body.has("closed") and index > state.directory.indices[-1]:
        return INVALID
    if type_ == "contest":
        if not state.began(key, index):
            return INVALID
    elif not state.lives(key, index):
        return INVALID
    elif key.kind in ("member", "board"):
        member = state.directory.member(key.holder)
        if member is None or member.number("status") != ACTIVE or state.suspended(key.holder):
            return INVALID
    revoked = state.revoked.get(key.id)
    if revoked is None or index < revoked.cut:
        return VALID
    return DISPUTED if index <= revoked.index else INVALID


def later_verdict(state: "State", signers: list[bytes], index: int) -> str:
    """4.3: what held at its index, by the revocations known since."""
    known = [one for key_id in signers if (one := state.revoked.get(key_id)) and index >= one.cut]
    if any(index > one.index for one in known):
        return INVALID
    return DISPUTED if known else VALID


def _rule(
    statement: Statement, body: Record, core: Record, state: "State", holders: list[Key], index: int
) -> None:
    """Steps 7 and 8, but for what only the state of section 8 can tell."""
    kind, author, signers = holders[0].kind, holders[0].holder, len(holders)
    member = state.directory.member(author)
    if statement.type == "header" and member is not None:
        must(member.number("role") != AUDITOR, "context", "an auditor sends no cases")
        asked = state.directory.persons(member, URGENT) if core.has("urgent") else 1
        persons = {one.record.text("label") for one in holders}
        must(len(persons) >= asked, "signature", "an urgent header asks for two")
        header.check(header.read(statement.body))
    if statement.type == "revocation" and kind == "member":
        must(body.text("member") == author, "signature", f"{author} revokes another's key")
    if statement.type == "revocation" and kind == "root":
        must(signers >= state.directory.body.number("root_threshold"), "signature", "too few roots")
    if statement.type == "board-recovery" and member is not None:
        must(signers >= member.number("board_threshold"), "signature", "too few of a board")
    if statement.type in ("overdue", "erasure"):
        state.anchor_below(body.data("anchor"), index)
    if statement.type == "high-water":
        must(body.number("log_size") <= index, "context", "a tree above the Statement")
