"""What each Statement asserts, in words: exactly that, and no more (SPEC sections 4 and 12)."""

from typing import Final

from mce_exchange.audit.report import Fact
from mce_exchange.directory.authority import Signed, Verdict
from mce_exchange.errors import MceError
from mce_exchange.log.checkpoint import size_of
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2

_PARTS: Final = {
    statement_pb2.ERASED_PART_CIPHERTEXT: "the ciphertext",
    statement_pb2.ERASED_PART_CONTENT_KEY: "the content key",
    statement_pb2.ERASED_PART_CONTENT: "the content",
    statement_pb2.ERASED_PART_STATEMENTS: "the Statements' bytes",
}


def is_final(code: int) -> bool:
    """Whether a refusal with this code ends a delivery."""
    return code != statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD


def code_words(code: statement_pb2.RefusalCode.ValueType) -> str:
    """A refusal code in words."""
    return statement_pb2.RefusalCode.Name(code).removeprefix("REFUSAL_CODE_").replace("_", " ").lower()


def fact_of(signed: Signed, index: int) -> Fact:
    """A verified Statement as a fact of the report."""
    header_id = getattr(signed.body, "header_id", b"") or getattr(signed.body, "annulled_id", b"")
    return Fact(
        index=index,
        type=signed.statement.type,
        author=signed.author,
        verdict=signed.verdict,
        says=_says(signed),
        header_id=header_id.hex() if isinstance(header_id, bytes) else "",
    )


def undeliverable_words(code: statement_pb2.UndeliverableCode.ValueType) -> str:
    """Why a recipient was not served, in words."""
    name = statement_pb2.UndeliverableCode.Name(code)
    return name.removeprefix("UNDELIVERABLE_CODE_").replace("_", " ").lower()


def anchor_size(note: bytes) -> int:
    """The tree size of an anchor inside a Statement that holds."""
    return size_of(note)


def invalid(statement: Statement, index: int, error: MceError) -> Fact:
    """A logged Statement that does not count."""
    return Fact(index=index, type=statement.type, author="nobody", verdict=Verdict.INVALID, says=str(error))


def _says(signed: Signed) -> str:
    """What the author asserts, and no more than that."""
    body = signed.body
    if isinstance(body, statement_pb2.Delivered):
        return f"{len(body.items)} message(s) durable, opened and valid at {body.member}"
    if isinstance(body, statement_pb2.Refused):
        return f"{len(body.items)} message(s) not accepted by {body.member}"
    if isinstance(body, statement_pb2.Overdue):
        return f"no final answer of {body.recipient} stood in the log at size {anchor_size(body.anchor)}"
    if isinstance(body, statement_pb2.Undeliverable):
        return f"the relay could not serve {body.recipient}"
    if isinstance(body, statement_pb2.Erasure):
        what = _PARTS[body.what]
        count = len(body.header_ids)
        return f"{body.author} says that it destroyed {what} of {count} message(s): no proof of absence"
    if isinstance(body, statement_pb2.Void):
        return f"number {body.sequence} to {body.recipient} has no message"
    if isinstance(body, statement_pb2.Contest):
        return f"{body.member} says that a change in its name was not made by it"
    if isinstance(body, statement_pb2.ReWrap):
        return "the same content key wrapped again"
    if isinstance(body, statement_pb2.Revocation):
        return f"revokes key {body.key_id.hex()} of {body.member}"
    return f"a {signed.statement.type} Statement"
