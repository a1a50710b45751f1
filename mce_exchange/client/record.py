"""What every step of taking the log does: keep the bytes, raise an alarm. On the home's thread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.directory.public import PublicState
from mce_exchange.hotline.follow import Given
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from mce_exchange.store.logbook import PASSED_OVER, Logged
from mce_exchange.store.settings import BEHIND


@dataclass(frozen=True, kw_only=True)
class Record:
    """A home, who it is, and its clock."""

    home: Home
    identity: Identity
    clock: Callable[[], float]

    @property
    def me(self) -> str:
        """This member's id."""
        return self.identity.member

    @property
    def now(self) -> int:
        """POSIX seconds."""
        return int(self.clock())

    @property
    def who_else(self) -> str:
        """Who can have spoken in our name, if this home did not (SPEC section 9.9)."""
        if self.home.settings.find(BEHIND):
            return "the home that this one was made from, or a thief of its key"
        return "another node of this home that runs beside it, or a thief of its key"

    def keep(self, given: Given, *about: bytes) -> None:
        """Keep a Statement's bytes, and which messages (header ids, 32 bytes) it speaks of."""
        type_ = statements.decode(given.statement).type
        self.home.logbook.put_statement(
            Logged(index=given.index, type=type_, raw=given.statement, members=given.members), about=about
        )

    def keep_passed_over(self, given: Given) -> None:
        """Keep the bytes of what does not count: they prove that somebody had it logged."""
        logged = Logged(index=given.index, type=PASSED_OVER, raw=given.statement, members=given.members)
        self.home.logbook.put_statement(logged)

    def older(self, state: PublicState) -> bool:
        """Whether this is from before the first of this home's keys: another home took and made it."""
        return not any(state.holder(key_id) for key_id in self.home.secrets.signing_ids())

    def not_ours(self, state: PublicState, about: str, text: str) -> None:
        """Something in this member's name that this home did not make (promise 7).

        Below the first of this home's keys it was another home of this member, which is told once.
        """
        if self.older(state):
            about = "before this home"
            text = "the log has Statements of this member that are older than this home's keys"
        self.alarm(Alarm.KEY_CHANGE, about, text)

    def alarm(self, kind: Alarm, about: str, text: str, *, notes: Sequence[bytes] = ()) -> None:
        """Raise, once for each cause."""
        self.home.alarms.put(kind, about=about, text=text, at=self.now, notes=notes)
