"""What waits for the relay under a key of ours that has ended meanwhile (SPEC section 8.9).

Nothing is sent under such a key, and nothing is lost: a Statement is signed anew by the key in use, a
message is sent again under a new number while its old number is voided, and a person is told. If no key
of ours lives, all of it waits for one.
"""

from typing import TYPE_CHECKING, Final

from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import Fault, MceError, RefusedError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.signing import lives_now, obeying
from mce_exchange.log.entry import LogEntry
from mce_exchange.sealing import Draft
from mce_exchange.statement import DIRECTORY, Statement
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued

if TYPE_CHECKING:
    from mce_exchange.client.dispatch import Dispatch

ENDED: Final = "key_ended"


class Renewal:
    """Runs on the home's thread, before anything is given to the relay."""

    def __init__(self, home: Home, identity: Identity, dispatch: "Dispatch") -> None:
        self._home = home
        self._identity = identity
        self._dispatch = dispatch
        self._done: object = None

    def run(self, state: PublicState, *, now: int) -> bool:
        """All that waits, in one transaction; whether there is a key to sign with."""
        home = self._home
        obeyed = obeying(state, home.publishing.revocations())
        self._identity.switch(home, state)
        lives = lives_now(obeyed, self._identity.author.signers[0])
        # Once for each change of keys: what is made since is made by the key in use.
        keys = (state.directory.id, len(obeyed.revoked), len(obeyed.recovered), self._identity.author.signers)
        if keys != self._done or not lives:
            self._renew(state, obeyed, lives=lives, now=now)
            self._done = keys
        return lives

    def _renew(self, state: PublicState, obeyed: PublicState, *, lives: bool, now: int) -> None:
        home = self._home
        ended = {
            key_id
            for key_id in home.secrets.signing_ids()
            if obeyed.holder(key_id) is not None and not lives_now(obeyed, key_id)
        }
        if not ended:
            return
        with home.database.write():
            for queued in home.publishing.unanswered(held=lives):
                statement = statements.decode(queued.statement)
                if ended.intersection(statement.signers) and not self._counts(statement, state):
                    self._statement(queued, statement, lives=lives, now=now)
            # Without a key they cannot even be voided: they wait as they are.
            for header_id, raw in home.outbox.queued() if lives else ():
                if ended.intersection(statements.decode(raw).signers):
                    why = "it waited until the key that signed it ended"
                    self.send_again(home.outbox.outgoing(header_id), why, reason=ENDED)

    def _counts(self, statement: Statement, state: PublicState) -> bool:
        """Whether it holds by the log all the same, or stands in it, so that its receipt is still to come."""
        entry = LogEntry(statement.public, statement.digest)
        if statement.type == DIRECTORY or self._home.logbook.holds(entry):
            return True
        if statement.type == "contest":
            return not state.revoked.keys() & set(statement.signers)
        # Of a key that only a file revokes so far: with it the log learns what the file says.
        return statement.type == "revocation" and all(lives_now(state, one) for one in statement.signers)

    def _statement(self, queued: Queued, statement: Statement, *, lives: bool, now: int) -> None:
        publishing = self._home.publishing
        if len(statement.signers) > 1:
            publishing.refused(queued.id, reason=ENDED)
            text = f"a {statement.type} that two signed is not sent: a key of it has ended; make it again"
            self._home.alarms.put(
                Alarm.NOT_ACCEPTED, about=f"{statement.type} {queued.id}", text=text, at=now
            )
        elif lives:
            made = anew(self._identity.author, statement)
            if statement.type == "prekey":
                self._home.secrets.rename(*(f"prekey/{self._id(one).hex()}" for one in (statement, made)))
            publishing.replace(queued.id, made)
        else:
            publishing.hold(queued.id)
            text = "no key of this member is left to sign with, and what is to be signed waits for one"
            about = f"no signing key since {statement.signers[0].hex()}"
            self._home.alarms.put(Alarm.NOT_SENT, about=about, text=text, at=now)

    def _id(self, statement: Statement) -> bytes:
        return statement.id(self._identity.network_id)

    def send_again(self, message: Outgoing, why: str, *, reason: str) -> None:
        """A message that cannot go as it is: the same under a new number, in the caller's transaction."""
        try:
            remedy = f"nothing: it goes again as {self._again(message).hex()}"
            # One message has content and attachments, so that erasing the other takes nothing from it.
            self._home.overtaken.hand_on(message.header_id)
        except MceError as error:
            remedy = f"send it again ({error})"
        text = f"a message does not go as it was: {why}"
        self.give_up(message, RefusedError(text, reason=reason, fault=Fault.USAGE, remedy=remedy))

    def give_up(self, message: Outgoing, refusal: RefusedError) -> None:
        """A message has failed, and a person is told."""
        self._dispatch.not_accepted(message, refusal)

    def _again(self, message: Outgoing) -> bytes:
        """The same content and ciphertext under a new header; its id."""
        core = read_header(statements.decode(message.statement)).core
        if len(core.signers) > 1:
            raise UsageError("two persons signed it", remedy="both have to sign again")
        body = self._home.outbox.body(message.header_id)
        draft = Draft(
            sender=core.sender,
            recipients=tuple(one.member for one in core.recipients),
            message_ref=core.message_ref,
            content_key=body.content_key,
            streams=core.streams,
            secrets=body.secrets,
            attachments=body.attachments,
            payload=message.payload,
        )
        return self._dispatch.again(draft, body, core)


def anew(author: Author, statement: Statement) -> Statement:
    """The same assertion by the key in use."""
    body = statements.BODIES[statement.type].FromString(statement.body)
    signers = body.signers  # type: ignore[attr-defined]  # every body but a Directory's and a header's has it
    del signers[:]
    signers.extend(author.signers)
    return author.sign(statement.type, body.SerializeToString(deterministic=True))
