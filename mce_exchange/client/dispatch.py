"""What we send: messages sealed into the outbox, and the relay's answers to what it was given.

Runs on the home's thread. A receipt is believed when its proof holds under the log's signature;
until then the same bytes stay queued (threats R4, R5).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

import msgpack

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.client.relay import TRANSIENT, Accepted, Outcome
from mce_exchange.directory.authority import authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ContextError, RefusedError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers, prekeys
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.sealing import Attachment, Draft, Sealed, To, seal, seal_streams
from mce_exchange.statement import Statement
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.body import Body
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a message is to be treated: what the relay and the log can see of it."""

    urgent: bool = False
    deadline_class: int = 0
    lifetime_seconds: int = limits.DEFAULT_LIFETIME_SECONDS
    supersedes: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment to send, read once to its end from a buffered `source`."""

    name: str
    media_type: str
    source: BinaryIO


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

    def send(self, content: bytes, to: Sequence[str], files: Sequence[File], manner: Manner) -> bytes:
        """Encrypt, number, sign, store durably: the header id (32 bytes). Nothing is sent yet.

        Raises `UsageError` if a recipient cannot be reached safely, `LimitError` above a cap.
        """
        for member in to:
            prekeys.to_send(self._state(), member, now_minutes=self._minutes())
        with ExitStack() as stack:
            sinks = [stack.enter_context(self._home.attachments.temporary()) for _ in files]
            draft = seal_streams(
                sender=self._identity.member,
                recipients=to,
                content=content,
                attachments=[
                    Attachment(name=one.name, media_type=one.media_type, source=one.source, sink=sink)
                    for one, (_, sink) in zip(files, sinks, strict=True)
                ],
            )
            # Ciphertext first: a message in the outbox always finds its attachments.
            for (path, sink), stream in zip(sinks, draft.streams[1:], strict=True):
                self._home.attachments.keep(path, sink, stream.root)
        body = Body(
            content=content,
            attachments=draft.attachments,
            secrets=draft.secrets,
            content_key=draft.content_key,
        )
        return self._home.outbox.put(lambda: self._seal(draft, manner), body, at=int(self._clock())).id

    def _seal(self, draft: Draft, manner: Manner) -> Sealed:
        state = self._state()
        to = []
        for member in draft.recipients:
            sequence, previous_id = self._home.outbox.next_number(member)
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
        )

    def sent(self, messages: Sequence[Outgoing], outcomes: Sequence[Outcome]) -> None:
        """Take the relay's answers to messages. Raises `LogError` for a receipt that does not hold."""
        with self._home.database.write():
            for one, outcome in zip(messages, outcomes, strict=True):
                if isinstance(outcome, Accepted):
                    receipt = self._verified(outcome, one.statement)
                    self._home.outbox.accepted(
                        one.header_id,
                        statement=outcome.statement,
                        log_index=receipt.index,
                        receipt=msgpack.packb([receipt.index, list(receipt.proof), receipt.checkpoint]),
                    )
                elif outcome.reason not in TRANSIENT:
                    self._not_accepted(one, outcome)

    def published(self, queued: Sequence[Queued], outcomes: Sequence[Outcome]) -> None:
        """Take the relay's answers to other Statements."""
        with self._home.database.write():
            for one, outcome in zip(queued, outcomes, strict=True):
                if isinstance(outcome, Accepted):
                    receipt = self._verified(outcome, one.statement)
                    self._home.publishing.accepted(one.id, log_index=receipt.index)
                elif outcome.reason not in TRANSIENT:
                    self._home.publishing.refused(one.id, reason=outcome.reason)
                    # A second final answer changes nothing, so it is no alarm.
                    if outcome.reason != "already_final":
                        self._alarm(f"{one.type} {one.id}", str(outcome))

    def _verified(self, outcome: Accepted, ours: bytes) -> Receipt:
        """The receipt, for our bytes or for those that were accepted earlier under the same id."""
        state = self._state()
        network_id = self._identity.network_id
        logged, sent = statements.decode(outcome.statement), statements.decode(ours)
        if logged.id(network_id) != sent.id(network_id):
            raise ContextError("the relay's receipt is for another Statement")
        if outcome.statement != ours:
            self._signed(logged, outcome.receipt.index)
        key = state.directory.log_key(outcome.receipt.index + 1)
        entry = LogEntry(logged.public, logged.digest)
        verify_receipt(outcome.receipt, entry, origin=state.directory.origin, key=key)
        return outcome.receipt

    def _signed(self, logged: Statement, index: int) -> None:
        if logged.type == statements.DIRECTORY:
            raise ContextError("the relay returns another copy of a Directory")
        authenticate(logged, state=self._state(), index=index)

    def _not_accepted(self, message: Outgoing, refusal: RefusedError) -> None:
        header = read_header(statements.decode(message.statement))
        self._home.outbox.failed(message.header_id, reason=refusal.reason)
        self._alarm(message.header_id.hex(), f"{refusal} - {refusal.remedy}")
        # A number that the log gave to another message is no longer ours to void (threat H9).
        if refusal.reason == "sequence_used":
            return
        for recipient in header.core.recipients:
            self._home.publishing.put(
                answers.void(
                    self._identity.author,
                    recipient=recipient.member,
                    sequence=recipient.sequence,
                    annulled_id=message.header_id,
                )
            )

    def _alarm(self, about: str, text: str) -> None:
        self._home.alarms.put(Alarm.NOT_ACCEPTED, about=about, text=text, at=int(self._clock()))

    def _minutes(self) -> int:
        return int(self._clock() // 60)
