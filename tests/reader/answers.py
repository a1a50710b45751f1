"""What was answered to each message that an evidence file shows (SPEC 9.4, 12.2 step 5)."""

from dataclasses import dataclass, field

from .authority import Signed
from .header import Header
from .refusal import RefusalError

PREKEY_NOT_HELD = 1
NOT_SHOWN = "not shown"


@dataclass
class Shown:
    """A header that holds, and what each recipient has said of it."""

    index: int
    header: Header
    answers: dict[str, str]
    final: set[str] = field(default_factory=set)


class Answers:
    """Headers by their ids."""

    def __init__(self) -> None:
        self.headers: dict[bytes, Shown] = {}

    def header(self, id_: bytes, index: int, header: Header) -> None:
        self.headers[id_] = Shown(index, header, dict.fromkeys(header.recipients, NOT_SHOWN))

    def shown(self, id_: bytes) -> Header:
        if id_ not in self.headers:
            raise RefusalError("context", "a header that is not shown, or does not hold")
        return self.headers[id_].header

    def take(self, signed: Signed, index: int) -> None:
        """An acknowledgement; one that does not fit is worth nothing."""
        if signed.statement.type == "undeliverable":
            held = self.headers.get(signed.body.data("header_id"))
            member = signed.body.text("recipient")
            if held and held.answers.get(member) == NOT_SHOWN:
                held.answers[member] = f"undeliverable {signed.body.number('code')}"
        if signed.statement.type not in ("delivered", "refused"):
            return
        for item in signed.body.records("items"):
            held = self.headers.get(item.data("header_id"))
            place = item.number("recipient_index")
            if held is None or item.number("index") != held.index:
                continue
            if held.header.recipients[place : place + 1] != [signed.author] or signed.author in held.final:
                continue
            code = item.number("code") if signed.statement.type == "refused" else 0
            held.answers[signed.author] = f"refused {code}" if code else "delivered"
            if code != PREKEY_NOT_HELD:
                held.final.add(signed.author)
