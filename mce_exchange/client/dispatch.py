"""What we send: messages sealed into the outbox, and the relay's answers to what it was given.

`encrypt` may take long and runs on any thread; all else runs on the home's. A receipt is believed
when its proof holds under the log's signature; until then the same bytes stay queued (threats R4, R5).
"""

from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, Self, cast

from mce_exchange import case, limits
from mce_exchange import statement as statements
from mce_exchange.client import approving, behind
from mce_exchange.client.attaching import Progress, Reader, Source, Stop, open_file, silent
from mce_exchange.client.identity import Identity
from mce_exchange.client.ids import read_id
from mce_exchange.client.relay import TRANSIENT, Accepted, Outcome
from mce_exchange.client.renewing import Renewal
from mce_exchange.directory.authority import authenticate
from mce_exchange.directory.model import Act
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import (
    ContextError,
    DirectoryError,
    LogError,
    MceError,
    ProtocolError,
    RefusedError,
    UsageError,
)
from mce_exchange.header import Core, read_header
from mce_exchange.hotline import answers, persons, prekeys
from mce_exchange.hotline.signing import lives_now, obeying
from mce_exchange.log.checkpoint import size_of
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.sealing import Attachment, Draft, Sealed, To, seal, seal_streams
from mce_exchange.statement import Statement
from mce_exchange.store import receipts
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.body import Body
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued

_DEADLINE_CLASSES: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a message is to be treated: what the relay and the log can see of it.

    `second` is the name of the person who signs too, where a policy asks for two and there are several.
    """

    urgent: bool = False
    deadline_class: int = 0
    lifetime_seconds: int = limits.DEFAULT_LIFETIME_SECONDS
    supersedes: bytes = b""
    second: str = ""

    @classmethod
    def checked(cls, *, urgent: bool, deadline_class: int, supersedes: str, second: str = "") -> Self:
        """As a caller says it; `UsageError` for what no header can say. `supersedes` is an id in hex."""
        if not 0 <= deadline_class <= _DEADLINE_CLASSES:
            raise UsageError(f"a deadline class is a number from 0 to {_DEADLINE_CLASSES}")
        replaced = read_id(supersedes) if supersedes else b""
        return cls(urgent=urgent, deadline_class=deadline_class, supersedes=replaced, second=second)


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A message whose ciphertext is here, and that has no number, no wrap and no signature yet."""

    content: bytes
    draft: Draft
    act: Act | None = None


class Dispatch:
    """Seals into the outbox and settles answers."""

    def __init__(
        self,
        home: Home,
        identity: Identity,
        state: Callable[[], PublicState],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._home = home
        self._identity = identity
        self._state = state
        self._clock = clock
        self._renewal = Renewal(home, identity, self)

    def check(self, to: Sequence[str], manner: Manner) -> None:
        """`UsageError` if this home may not seal such a message now. Before the work, on its thread."""
        behind.check(self._home, self._state(), to, urgent=manner.urgent)

    def encrypt(
        self,
        content: bytes,
        to: Sequence[str],
        attachments: Sequence[Source] = (),
        *,
        act: Act | None = None,
        progress: Progress = silent,
        stop: Stop | None = None,
    ) -> Encrypted:
        """Encrypt a message and its attachments, in bounded memory, on any thread.

        `act` is what a policy may reserve to two persons, if the content is such a thing. Raises
        `UsageError` if a recipient cannot be reached safely, `LimitError` above a cap.
        """
        for member in to:
            prekeys.to_send(self._state(), member, now_minutes=self._minutes())
        with ExitStack() as stack:
            # No more files are opened than a message may have.
            files = [open_file(one, stack) for one in attachments[: limits.ATTACHMENTS + 1]]
            sinks = [stack.enter_context(self._home.attachments.temporary()) for _ in files]
            draft = seal_streams(
                sender=self._identity.member,
                recipients=to,
                content=content,
                attachments=[
                    Attachment(
                        name=one.name,
                        media_type=one.media_type,
                        source=cast(BinaryIO, Reader(one, progress=progress, stop=stop)),
                        sink=sink,
                    )
                    for one, (_, sink) in zip(files, sinks, strict=True)
                ],
            )
            # Ciphertext first: a message in the outbox always finds its attachments.
            for (path, sink), stream in zip(sinks, draft.streams[1:], strict=True):
                self._home.attachments.keep(path, sink, stream.root)
        return Encrypted(content, draft, act)

    def send(self, encrypted: Encrypted, manner: Manner) -> bytes:
        """Number, wrap, sign, store durably: the header id (32 bytes). Nothing is sent yet.

        What the member's policy reserves to two persons awaits the second one; `UsageError` if there is none.
        """
        draft = encrypted.draft
        body = Body(
            content=encrypted.content,
            attachments=draft.attachments,
            secrets=draft.secrets,
            content_key=draft.content_key,
        )
        try:
            with self._home.database.write():
                return self._put(draft, manner, encrypted.act, body)
        except MceError:
            for stream in draft.streams[1:]:
                self._home.attachments.erase(stream.root)
            raise

    def again(self, draft: Draft, body: Body, core: Core) -> bytes:
        """The same ciphertext under a new number, by the key in use, in the caller's transaction: its id."""
        manner = Manner(
            urgent=core.urgent,
            deadline_class=core.deadline_class,
            lifetime_seconds=core.lifetime_seconds,
            supersedes=core.supersedes,
        )
        return self._put(draft, manner, case.act_of(case.decode(body.content)), body)

    def _put(self, draft: Draft, manner: Manner, act: Act | None, body: Body) -> bytes:
        now = int(self._clock())
        sealed = self._home.outbox.add(lambda: self._seal(draft, manner, act), body, at=now)
        if sealed.statement.signers != sealed.header.core.signers:
            text = "a message awaits its second person: `mce approvals`"
            self._home.alarms.put(Alarm.ASKS_A_PERSON, about=sealed.id.hex(), text=text, at=now)
        return sealed.id

    def _seal(self, draft: Draft, manner: Manner, act: Act | None) -> Sealed:
        # Again, in the transaction that takes the numbers.
        self.check(draft.recipients, manner)
        # A prekey that a revoked key signed is sealed to no more, whichever way the revocation came.
        state = obeying(self._state(), self._home.publishing.revocations())
        if not lives_now(state, self._identity.author.signers[0]):
            raise self._no_key()
        to = []
        for member in draft.recipients:
            sequence, previous_id = self._home.numbers.next(member)
            prekey = prekeys.to_send(state, member, now_minutes=self._minutes())
            to.append(
                To(
                    member=member,
                    sequence=sequence,
                    previous_id=previous_id,
                    prekey_id=prekey.id,
                    prekey=prekey.public_key,
                )
            )
        me, first = self._identity.member, self._identity.author.signers[0]
        acts = (act, Act.URGENT if manner.urgent else None)
        two = persons.needs_two(state, me, acts)
        return seal(
            draft,
            to=to,
            network_id=self._identity.network_id,
            directory_version=state.directory.version,
            directory_id=state.directory.id,
            keys=self._identity.author.keys,
            created_minutes=self._minutes(),
            lifetime_seconds=manner.lifetime_seconds,
            deadline_class=manner.deadline_class,
            urgent=manner.urgent,
            supersedes=manner.supersedes,
            second=persons.second(state, me, first, manner.second) if two else b"",
        )

    def sent(self, messages: Sequence[Outgoing], outcomes: Sequence[Outcome]) -> list[MceError | None]:
        """Take the relay's answers to messages; for each None, or why it is to be sent again."""
        with self._home.database.write():
            return [self._sent(one, outcome) for one, outcome in zip(messages, outcomes, strict=True)]

    def _sent(self, one: Outgoing, outcome: Outcome) -> MceError | None:
        if isinstance(outcome, RefusedError):
            if outcome.reason == "attachment_missing":
                self._home.outbox.uploaded(one.header_id, done=False)
            if outcome.reason in TRANSIENT:
                return outcome
            if outcome.reason == behind.USED:
                behind.number_used(self._home, one.header_id)
            else:
                self.not_accepted(one, outcome)
            return None
        try:
            receipt = self._verified(outcome, one.statement)
        except (DirectoryError, LogError, ProtocolError) as error:
            return error
        self._home.outbox.accepted(
            one.header_id,
            statement=outcome.statement,
            log_index=receipt.index,
            receipt=receipts.encode(receipt),
            at=int(self._clock()),
        )
        return None

    def renumber(self) -> None:
        """What waits, once a home that was behind has followed the log; in the caller's transaction."""
        behind.renumber(self._home, self._identity.author, self._renewal)

    def to_upload(self, skip: Container[object]) -> list[Outgoing]:
        """The next message with attachments to be put at the relay; none while the home is behind."""
        waits = not behind.is_behind(self._home)
        return self._home.outbox.waiting(1, to_upload=True, skip=skip) if waits else []

    def to_submit(self, limit: int, skip: Container[object]) -> list[Outgoing]:
        """Messages that wait, by keys that live; none while the home is behind."""
        if behind.is_behind(self._home):
            return []
        if self._renewal.run(self._state(), now=int(self._clock())):
            return self._home.outbox.waiting(limit, skip=skip)
        if self._home.outbox.count("queued"):
            raise self._no_key()
        return []

    def _no_key(self) -> UsageError:
        return UsageError(
            f"no key of {self._identity.member} that is here counts now",
            remedy="`mce key list` says why; enter a new one, or let the board give one",
        )

    def to_publish(self, limit: int, skip: Container[object]) -> list[Queued]:
        """Statements that wait, acknowledgements signed, by keys that live; likewise."""
        if behind.is_behind(self._home):
            return []
        self._home.publishing.sign_delivered(partial(answers.delivered, self._identity.author))
        self._renewal.run(self._state(), now=int(self._clock()))
        return self._home.publishing.waiting(limit, skip=skip)

    def published(self, queued: Sequence[Queued], outcomes: Sequence[Outcome]) -> list[MceError | None]:
        """Take the relay's answers to other Statements, likewise."""
        with self._home.database.write():
            return [self._published(one, outcome) for one, outcome in zip(queued, outcomes, strict=True)]

    def _published(self, one: Queued, outcome: Outcome) -> MceError | None:
        # Signed anew while these bytes were under way: the answer to them decides nothing.
        if not self._home.publishing.waits(one):
            return None
        if isinstance(outcome, RefusedError):
            if outcome.reason in TRANSIENT:
                return outcome
            self._home.publishing.refused(one.id, reason=outcome.reason)
            # A second final answer changes nothing, so it is no alarm; a prekey is made anew: one a day.
            if outcome.reason != "already_final":
                about = f"of day {self._minutes() // 1440}" if one.type == "prekey" else one.id
                self._alarm(f"{one.type} {about}", str(outcome))
            return None
        try:
            receipt = self._verified(outcome, one.statement)
        except (DirectoryError, LogError, ProtocolError) as error:
            return error
        self._home.publishing.accepted(
            one.id, log_index=receipt.index, receipt=receipts.encode(receipt), at=int(self._clock())
        )
        return None

    def _verified(self, outcome: Accepted, ours: bytes) -> Receipt:
        """The receipt, for our bytes or for those that were accepted earlier under the same id."""
        state = self._state()
        network_id = self._identity.network_id
        logged, sent = statements.decode(outcome.statement), statements.decode(ours)
        if logged.id(network_id) != sent.id(network_id):
            raise ContextError("the relay's receipt is for another Statement")
        if outcome.statement != ours:
            self._signed(logged, outcome.receipt.index)
        key = state.directory.log_key(size_of(outcome.receipt.checkpoint))
        entry = LogEntry(logged.public, logged.digest)
        verify_receipt(outcome.receipt, entry, origin=state.directory.origin, key=key)
        return outcome.receipt

    def _signed(self, logged: Statement, index: int) -> None:
        if logged.type == statements.DIRECTORY:
            raise ContextError("the relay returns another copy of a Directory")
        authenticate(logged, state=self._state(), index=index)

    def not_accepted(self, message: Outgoing, refusal: RefusedError) -> None:
        """The relay will never take a message: it has failed, and its numbers are void."""
        if not self._home.outbox.failed(message.header_id, reason=refusal.reason):
            return
        header = read_header(statements.decode(message.statement))
        self._alarm(message.header_id.hex(), f"{refusal} - {refusal.remedy}")
        # A number that the log gave to another message is no longer ours to void (threat H9).
        if refusal.reason == behind.USED:
            return
        approving.void(self._home, self._identity.author, header, message.header_id)

    def _alarm(self, about: str, text: str) -> None:
        self._home.alarms.put(Alarm.NOT_ACCEPTED, about=about, text=text, at=int(self._clock()))

    def _minutes(self) -> int:
        return int(self._clock() // 60)
