"""The relay's rules for messages: what it accepts, whom it can serve, what it logs instead (SPEC 9).

No SQL and no gRPC: bytes in, changes to one `Group` out, `RefusedError` for everything it does not
accept. Everything is checked before the first change. The order: bounds, framing and wire lint →
both signatures and authority → the sender takes part → who can be served → prekeys → numbers →
wraps, payload and attachments are what the header says → quotas → one entry, and an `undeliverable`
for each recipient who cannot be served.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.model import Status
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import MceError
from mce_exchange.header import Header, Stream, read_header
from mce_exchange.log import merkle
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2
from mce_relay.hand import serving
from mce_relay.refusals import refusal, refusing
from mce_relay.sequencer import Group
from mce_relay.store.protocol import Fate, Message, Place, Usage, Writer
from mce_relay.values import DAY, EnvelopeIn, Metrics, PublishIn, RelayKeys, Settings

CHUNK: Final = limits.CHUNK + limits.TAG
_PAYLOAD: Final = limits.PAYLOAD_PADDED + limits.PAYLOAD_PADDED // limits.CHUNK * limits.TAG
_SKEW: Final = DAY // 60
Body = statement_pb2.Undeliverable | statement_pb2.Overdue | statement_pb2.Erasure | statement_pb2.Clock
"""What a relay says by itself."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a Statement stands in the log, and the bytes logged."""

    index: int
    statement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rules need besides the group: the relay's keys and settings."""

    relay: str
    keys: RelayKeys
    settings: Settings
    metrics: Metrics

    def log(self, group: Group, type_: str, body: Body, parties: Sequence[str]) -> int:
        """Sign and log a Statement of the relay's own; its index."""
        statement = self.sign(group, type_, body)
        self.metrics.count(f"logged_{type_}")
        return group.append(statement, author=self.relay, parties=parties)

    def sign(self, group: Group, type_: str, body: Body) -> Statement:
        """A Statement of the relay's own; who signs is filled in."""
        key = serving(self.keys, group.state.directory, group.size).signing
        body.signers[:] = [key.public.id]
        return statements.sign(
            type_,
            body.SerializeToString(deterministic=True),
            network_id=group.state.directory.network_id,
            keys=[key],
        )


def decode(item: EnvelopeIn | PublishIn) -> Statement:
    """Framing only."""
    with refusing():
        return item.decoded


def look_ahead(member: str, item: EnvelopeIn | PublishIn, state: PublicState) -> None:
    """Lint and verify what needs no store, while the writer is at other work, which then finds the answers.

    What is wrong is for the writer to say, by its own state and in its place among all that may be wrong.
    """
    with suppress(MceError):
        if state.takes_part(member) and not item.decoded.public:
            statements.lint(item.decoded)
            network_id = state.directory.network_id
            statements.verify(item.decoded, network_id=network_id, find_key=state.find_key)


def earlier(group: Group, statement: Statement, member: str) -> Placed | None:
    """The entry that this id got before, for those who may see it: a retry is no second message (R4).

    Signatures are not looked at: nothing is accepted, and the caller gets the ones logged first.
    """
    logged = group.tx.find(statement.id(group.state.directory.network_id))
    if logged is None or not (logged.public or logged.author == member):
        return None
    if not logged.statement:
        raise refusal("wrong_context", f"it is logged at {logged.index}, and its bytes were deleted since")
    return Placed(logged.index, logged.statement)


def judge(group: Group, statement: Statement, member: str) -> Signed:
    """Signatures and authority at the next index, by the member who hands it in, who takes part."""
    refuse_if_ended(group)
    if member in group.state.directory.members and not group.state.takes_part(member):
        raise refusal("not_admitted", f"{member} does not take part now")
    with refusing():
        signed = authenticate(statement, state=group.state, index=group.size)
    if signed.author != member:
        raise refusal("wrong_context", f"{member} hands in a private Statement of {signed.author}")
    return signed


def refuse_if_ended(group: Group) -> None:
    """What comes after the log was given away is for its successor to accept, after its end for nobody."""
    if group.state.directory.closed:
        raise refusal("wrong_context", "the federation has ended this log")
    if group.successor is not None:
        raise refusal("moved", "this relay has given its log away")


def submit(rules: Rules, group: Group, member: str, envelope: EnvelopeIn) -> Placed:
    """Accept one envelope whole, if any of its recipients can be served."""
    if len(envelope.wraps) > limits.RECIPIENTS or len(envelope.payload) > _PAYLOAD:
        raise refusal("too_large", f"{len(envelope.wraps)} wraps, {len(envelope.payload)} bytes of payload")
    statement = decode(envelope)
    if statement.type != statements.HEADER:
        raise refusal("wrong_context", f"a Statement of type {statement.type}, not a header")
    known = earlier(group, statement, member)
    if known:
        return known
    judge(group, statement, member)
    with refusing():
        header = read_header(statement)
    if abs(header.core.created_minutes - group.now // 60) > _SKEW:
        rules.metrics.count("headers_with_a_strange_clock")
    codes = _standings(group.state, header)
    codes = _with_prekeys(group.state, header, codes)
    _check_numbers(group.tx, header)
    _check_wraps(header, envelope.wraps)
    _check_payload(header.core.streams[0], envelope.payload)
    attached = _check_attachments(group.tx, header)
    codes = _with_full_mailboxes(rules, group, header, codes)
    usage = _check_quotas(rules, group, header, len(envelope.payload))
    index = _accept(rules, group, statement, header, envelope, codes, len(envelope.payload) + attached)
    group.tx.put_usage(member, usage)
    return Placed(index, statement.raw)


def _check_wraps(header: Header, wraps: Sequence[bytes]) -> None:
    """Just the wraps that the header lists, so that nobody adds a recipient on the way (threat R6)."""
    if len(wraps) != len(header.wraps):
        raise refusal("wrong_context", f"{len(wraps)} wraps where the header lists {len(header.wraps)}")
    for number, (wrap, listed) in enumerate(zip(wraps, header.wraps, strict=True)):
        check_wrap(wrap, listed.digest, number)


def check_wrap(wrap: bytes, digest: bytes, number: int) -> None:
    """One wrap against the digest signed for it."""
    if len(wrap) != limits.WRAP or not equal(sha256(wrap), digest):
        raise refusal("wrong_context", f"wrap {number} of {len(wrap)} bytes is not the one signed")


def _check_payload(stream: Stream, payload: bytes) -> None:
    if len(payload) != stream.ciphertext_size:
        raise refusal("wrong_context", f"{len(payload)} bytes of payload, {stream.ciphertext_size} signed")
    view = memoryview(payload)
    leaves = (merkle.leaf_hash(view[at : at + CHUNK]) for at in range(0, len(view), CHUNK))
    if not equal(merkle.root(leaves), stream.root):
        raise refusal("wrong_context", "the payload is not the one signed")


def _check_attachments(tx: Writer, header: Header) -> int:
    """All complete, put by this sender, each of this message only; their bytes together."""
    total = 0
    roots = [stream.root for stream in header.core.streams]
    if len(set(roots)) != len(roots):
        raise refusal("wrong_context", "one stream stands twice in the header")
    for stream in header.core.streams[1:]:
        upload = tx.upload(stream.root)
        if upload is None or upload.owner != header.core.sender or not upload.complete:
            raise refusal("attachment_missing", f"attachment {stream.root.hex()} is not held")
        if upload.size != stream.ciphertext_size or upload.index is not None:
            raise refusal("wrong_context", f"attachment {stream.root.hex()} is of another size or message")
        total += upload.size
    return total


def _check_numbers(tx: Writer, header: Header) -> None:
    """A used number of a pair is refused; gaps and `previous` are for the recipient's eyes."""
    sender = header.core.sender
    for one in header.core.recipients:
        if tx.number_user(sender, one.member, one.sequence) is not None:
            raise refusal("sequence_used", f"number {one.sequence} from {sender} to {one.member} is used")


def _with_prekeys(state: PublicState, header: Header, codes: Sequence[int]) -> list[int]:
    """The same, and who has no such prekey, revoked on the way perhaps: it blocks nobody else."""
    found = [
        code
        or (
            state.find_prekey(one.member, wrap.prekey_id) is None
            and statement_pb2.UNDELIVERABLE_CODE_NO_PREKEY
        )
        for one, wrap, code in zip(header.core.recipients, header.wraps, codes, strict=True)
    ]
    if all(found):
        raise refusal("unknown_prekey", f"none of {len(codes)} recipients has the prekey wrapped to")
    return found


def _standings(state: PublicState, header: Header) -> list[int]:
    """For each recipient 0, or why it cannot be served; refused if none can."""
    codes = [_standing(state, one.member) for one in header.core.recipients]
    if all(codes):
        raise refusal("no_recipient", f"none of {len(codes)} recipients can be served")
    return codes


def _standing(state: PublicState, member_id: str) -> int:
    member = state.directory.members.get(member_id)
    if member is None:
        return statement_pb2.UNDELIVERABLE_CODE_UNKNOWN_MEMBER
    if member.status is Status.LEFT:
        return statement_pb2.UNDELIVERABLE_CODE_LEFT
    return 0 if state.takes_part(member_id) else statement_pb2.UNDELIVERABLE_CODE_SUSPENDED


def _with_full_mailboxes(rules: Rules, group: Group, header: Header, codes: Sequence[int]) -> list[int]:
    """The same, and who has too much pending from this sender; each sender fills a share of its own."""
    most = share(rules.settings.quotas.pending_per_recipient, rules, urgent=header.core.urgent)
    sender = header.core.sender
    found = [
        code
        or (group.tx.pending(sender, one.member) >= most and statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL)
        for one, code in zip(header.core.recipients, codes, strict=True)
    ]
    if all(found):
        raise refusal("quota", f"each of {len(codes)} recipients has {most} messages pending from {sender}")
    return found


def share(quota: int, rules: Rules, *, urgent: bool) -> int:
    """How much of a quota a message may use: the last part stays free for urgent ones (threat H4)."""
    return quota if urgent else quota * (100 - rules.settings.quotas.urgent_reserve) // 100


def _check_quotas(rules: Rules, group: Group, header: Header, payload: int) -> Usage:
    """What the sender takes with this message; its attachments count since they were put."""
    quotas, urgent, sender = rules.settings.quotas, header.core.urgent, header.core.sender
    usage = today(group, sender)
    if usage.messages >= share(quotas.messages_per_day, rules, urgent=urgent):
        raise refusal("quota", f"{sender} has sent {usage.messages} messages today")
    held = usage.held + payload
    if held > share(quotas.bytes_per_member, rules, urgent=urgent):
        raise refusal("quota", f"{sender} would take {held} bytes")
    return replace(usage, held=held, messages=usage.messages + 1)


def today(group: Group, member: str) -> Usage:
    """What a member takes, its counts begun again each day."""
    usage, day = group.tx.usage(member), group.now // DAY
    return usage if usage.day == day else replace(usage, day=day, messages=0, statements=0)


def _accept(
    rules: Rules,
    group: Group,
    statement: Statement,
    header: Header,
    envelope: EnvelopeIn,
    codes: Sequence[int],
    size: int,
) -> int:
    core = header.core
    id_ = statement.id(group.state.directory.network_id)
    index = group.append(
        statement, author=core.sender, parties=[core.sender, *(one.member for one in core.recipients)]
    )
    message = Message(
        index=index,
        id=id_,
        sender=core.sender,
        accepted=group.now,
        expires=group.now + core.lifetime_seconds,
        size=size,
    )
    deadline = _deadline(rules, core.deadline_class, group.now)
    places = [
        Place(
            index=index,
            number=number,
            sender=core.sender,
            recipient=one.member,
            fate=Fate.UNDELIVERABLE if code else Fate.PENDING,
            wrap=b"" if code else wrap,
            deadline=None if code else deadline,
        )
        for number, (one, wrap, code) in enumerate(zip(core.recipients, envelope.wraps, codes, strict=True))
    ]
    group.tx.put_message(message, places, envelope.payload, [stream.root for stream in core.streams[1:]])
    for one, code in zip(core.recipients, codes, strict=True):
        group.tx.use_number(core.sender, one.member, one.sequence, id_)
        if code:
            body = statement_pb2.Undeliverable(
                header_id=id_,
                recipient=one.member,
                code=statement_pb2.UndeliverableCode.ValueType(code),
            )
            rules.log(group, "undeliverable", body, [core.sender, one.member])
    return index


def _deadline(rules: Rules, class_: int, now: int) -> int | None:
    deadlines = rules.settings.deadlines
    return now + int(deadlines[class_]) if 0 < class_ < len(deadlines) else None
