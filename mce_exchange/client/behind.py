"""A home that is behind its own log: restored, copied, or shown so by a number that is used (SPEC 9.9, H9).

It sends nothing until it has followed the log to its end. Then what waits under a number that the log gives
to something else goes again under the next one. All of it runs on the home's thread.
"""

from collections.abc import Sequence
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client.renewing import Renewal
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import Fault, RefusedError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers, prekeys
from mce_exchange.hotline.answers import Author
from mce_exchange.store.home import Home
from mce_exchange.store.settings import BEHIND

USED: Final = "sequence_used"
"""The relay's reason, and what is said of a home that learns by it that it is behind."""

WAITS: Final = (
    "this home is behind the log: it sends when it has followed it, perhaps under another id; telephone"
)
"""What a person has to know of an urgent message that such a home took."""


def is_behind(home: Home) -> bool:
    """Whether this home has yet to follow its log to the end."""
    return home.settings.find(BEHIND) is not None


def check(home: Home, state: PublicState, to: Sequence[str], *, urgent: bool) -> None:
    """`UsageError` in a home that is behind: it does not know which numbers it has used.

    An urgent message may be sealed: it waits, and goes as soon as the log has been followed.
    """
    if is_behind(home) and not urgent:
        phones = ", ".join(f"{member}: {prekeys.phone(state, member)}" for member in to)
        raise UsageError(
            "this home was restored or copied, and has not followed the log to its end since",
            remedy=f"`mce run` until it has; if it cannot wait, send it as urgent, and telephone {phones}",
        )


def number_used(home: Home, header_id: bytes) -> None:
    """The relay has something else under a number of ours: nothing is sent until we know what."""
    home.overtaken.refuse_number(header_id, reason=USED)
    if not is_behind(home):
        home.settings.put(BEHIND, USED)


def renumber(home: Home, author: Author, renewal: Renewal) -> None:
    """All that waits, by the log as followed, in the caller's transaction."""
    refused = home.overtaken.refused_numbers(reason=USED)
    for header_id, raw in home.outbox.queued():
        message = home.outbox.outgoing(header_id)
        core = read_header(statements.decode(raw)).core
        ours = [r for r in core.recipients if home.numbers.given(r.member, r.sequence) == header_id]
        if len(ours) < len(core.recipients):
            renewal.send_again(message, "its number was used by another home of this member", reason=USED)
            for one in ours:
                void = answers.void(
                    author, recipient=one.member, sequence=one.sequence, annulled_id=header_id
                )
                home.publishing.put(void)
        elif header_id in refused:
            # The log shows nothing under it: a void of this very message, or a relay that says what is not.
            renewal.give_up(
                message,
                RefusedError(
                    "the relay says that the number of a message is used, and the log does not show by what",
                    reason=USED,
                    fault=Fault.RELAY,
                    remedy="send it again; if it repeats, tell the federation",
                ),
            )
