"""What the log brings, taken into the home: one transaction a batch, each message once.

Runs on the home's thread. Order within a batch is the log's. A Statement that does not hold, or on
which this software fails, is undone alone, alarmed and passed over: it halts nobody.
"""

from collections.abc import Callable, Mapping

from mce_exchange import statement as statements
from mce_exchange.audit.subjects import header_ids
from mce_exchange.client import board
from mce_exchange.client.incoming import Incoming
from mce_exchange.client.record import Record
from mce_exchange.client.replies import Replies
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ForkError, MceError, ProtocolError, StoreError
from mce_exchange.hotline.follow import Batch, Follower, Given, Step
from mce_exchange.hotline.own import as_asked
from mce_exchange.hotline.receiving import Check
from mce_exchange.hotline.signing import obeying
from mce_exchange.log.merkle import Tree
from mce_exchange.store.alarms import Alarm
from mce_exchange.v1 import statement_pb2


class Intake:
    """Takes batches; `check` judges what was opened."""

    def __init__(self, record: Record, follower: Follower, *, check: Check) -> None:
        self._record = record
        self._home = record.home
        self._follower = follower
        self._incoming = Incoming(record, check=check)
        self._replies = Replies(record)
        self._private: Mapping[str, Callable[[Given, Signed, PublicState], None]] = {
            "delivered": self._replies.answered,
            "refused": self._replies.answered,
            "undeliverable": self._replies.undeliverable,
            "overdue": self._replies.overdue,
            "erasure": self._replies.own_erasure,
            "re-wrap": self._incoming.rewrapped,
        }

    def take(self, batch: Batch) -> None:
        """Verify, commit, go on. Raises, and raises its alarm, for a batch that the log does not prove."""
        try:
            taken = self._follower.take(batch)
        except MceError as error:
            notes = error.notes if isinstance(error, ForkError) else ()
            kind = Alarm.FORK if notes else Alarm.INVALID_ENTRY
            with self._home.database.write():
                self._record.alarm(kind, f"log {batch.first_index}", str(error), notes=notes)
                if isinstance(error, ForkError):
                    self._home.forks.put(*error.notes, error.root, error.proof)
            raise
        with self._home.database.write(), self._follower.ahead(taken.entries) as tree:
            self._home.logbook.append(batch.first_index, batch.entries)
            if taken.older:
                text = f"the relay shows a log of {taken.checkpoint.size} entries, and showed a longer one"
                self._record.alarm(Alarm.LOG_ROLLED_BACK, f"size {taken.checkpoint.size}", text)
            else:
                self._home.logbook.put_checkpoint(taken.checkpoint.size, batch.checkpoint)
            for step in taken.steps:
                self._step(step, tree)
        self._follower.commit(taken)

    def _step(self, step: Step, tree: Tree) -> None:
        given, about = step.given, f"log {step.given.index}"
        if step.error is not None:
            self._record.alarm(Alarm.INVALID_ENTRY, about, f"passed over: {step.error}")
            self._record.keep_passed_over(given)
            return
        try:
            with self._home.database.step():
                if step.public:
                    self._public(step)
                    if _keys(step.before) != _keys(step.after):
                        self._record.identity.switch(self._home, step.after)
                else:
                    self._private_one(given, step.after, tree)
        except ProtocolError as error:
            # Logged is not valid: what does not hold is nobody's message, and halts nobody.
            self._record.alarm(Alarm.INVALID_MESSAGE, about, str(error))
            self._record.keep_passed_over(given)
        except (StoreError, MemoryError):
            raise
        except Exception as error:  # our own defect, not the home's end: told, with the bytes kept for study
            self._record.keep(given)
            text = f"this software failed on it ({type(error).__name__}): keep the home, tell the maintainers"
            self._record.alarm(Alarm.INVALID_MESSAGE, about, text)

    def _public(self, step: Step) -> None:
        """Keep it; promise 7: a member sees every change in its own name that it did not make."""
        given = step.given
        decoded = statements.decode(given.statement)
        if not given.index:
            # What the relay sends beside entry 0 proves nothing; the pinned genesis does.
            genesis = self._record.identity.genesis
            self._record.keep(Given(index=0, statement=genesis.statement, members=genesis.members))
            return
        self._record.keep(given)
        self._incoming.revoked(step.before, step.after)
        me, about = self._record.me, f"log {given.index}"
        if decoded.type == statements.DIRECTORY:
            before, after = (state.directory.members.get(me) for state in (step.before, step.after))
            card = self._record.identity.card(self._home)
            if before != after and not (card and as_asked(card, before, after, step.after.revoked)):
                text = f"Directory version {step.after.directory.version} changes this member's own entry"
                self._record.not_ours(step.after, about, text)
            return
        if decoded.type == "contest":
            self._contested(given, decoded)
        if decoded.type == board.TYPE:
            self._recovered(given, decoded, step.after)
            return
        named = getattr(statements.BODIES[decoded.type].FromString(decoded.body), "member", "")
        if named == me and not self._home.publishing.made(given.statement, given.index):
            text = f"a {decoded.type} Statement in this member's name that this home did not make"
            text = f"{text}, but {self._record.who_else}"
            self._record.not_ours(step.after, about, text)

    def _contested(self, given: Given, decoded: statements.Statement) -> None:
        """Told to everybody: whether to rely on that change is for people to say."""
        body = statements.body(decoded, statement_pb2.Contest)
        text = f"{body.member} contests a change in its name: telephone before you rely on its newest keys"
        self._record.alarm(Alarm.KEY_CHANGE, f"log {given.index} of {body.member}", text)

    def _recovered(self, given: Given, decoded: statements.Statement, state: PublicState) -> None:
        """Told to everybody: a board has given its member a new key, and all others count no more."""
        member = statements.body(decoded, statement_pb2.BoardRecovery).member
        text = f"the board of {member} gave it a new key for all that it lost"
        if member != self._record.me:
            text += f": telephone {member} before you rely on it"
        elif not board.adopted(self._home, self._record.identity, state, given.statement):
            text += ", which this home does not hold: if it lost nothing, telephone board and federation now"
        self._record.alarm(Alarm.KEY_CHANGE, f"log {given.index} of {member}", text)

    def _private_one(self, given: Given, state: PublicState, tree: Tree) -> None:
        decoded = statements.decode(given.statement)
        if decoded.type == statements.HEADER:
            if self._is_mine(decoded, state):
                self._replies.own_header(given, state)
            else:
                # By a key that a file has told us is revoked: taken, like all disputed ones, with an alarm.
                revocations = self._home.publishing.revocations()
                self._incoming.header(given, obeying(state, revocations, index=given.index))
            return
        signed = authenticate(decoded, state=state, index=given.index)
        self._record.keep(given, *header_ids(decoded, self._record.identity.network_id))
        if decoded.type == "void":
            if signed.author == self._record.me:
                self._replies.own_void(given, signed)
            else:
                self._incoming.void(given, signed, state)
        elif decoded.type == "high-water" and signed.author == self._record.me:
            self._replies.own_mark(given, signed)
        elif decoded.type == "high-water":
            self._incoming.high_water(given, signed, state, tree)
        elif decoded.type in self._private:
            self._private[decoded.type](given, signed, state)

    def _is_mine(self, decoded: statements.Statement, state: PublicState) -> bool:
        holder = state.holder(decoded.signers[0]) if decoded.signers else None
        return holder is not None and holder.id == self._record.me


def _keys(state: PublicState) -> tuple[object, ...]:
    """What decides which signing keys live: compared by identity, which a change replaces."""
    return id(state.directory), id(state.revoked), id(state.recovered)
