"""The relay's rules for every Statement but headers: acknowledgements, voids, re-wraps, public ones.

As in `engine`: all is checked before the log changes, `RefusedError` for what is not accepted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mce_exchange import limits
from mce_exchange.directory.authority import Signed
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import MceError, RefusedError
from mce_exchange.statement import DIRECTORY, HEADER, Statement
from mce_exchange.v1 import statement_pb2
from mce_relay.engine import Placed, Rules, check_wrap, decode, earlier, judge, refuse_if_ended, today
from mce_relay.hand import serving
from mce_relay.refusals import refusal, refusing
from mce_relay.sequencer import Group
from mce_relay.store.protocol import Fate, Message, Place
from mce_relay.values import PublishIn

_NOT_HELD: Final = statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD
_FINAL: Final = frozenset({Fate.DELIVERED, Fate.REFUSED, Fate.UNDELIVERABLE})


def publish(rules: Rules, group: Group, author: str, item: PublishIn) -> Placed | RefusedError:
    """Accept one Statement. `author` hands it in; of a public one the signatures alone decide.

    A refusal that is returned and not raised has changed something: the log has been given away.
    """
    if len(item.wrap) > limits.WRAP or len(item.members) > limits.MEMBERS:
        raise refusal("too_large", f"a wrap of {len(item.wrap)} bytes, {len(item.members)} member records")
    statement = decode(item)
    if statement.type == HEADER:
        raise refusal("wrong_context", "a header is submitted with its wraps and payload")
    known = earlier(group, statement, author)
    if known:
        return known
    _count(rules, group, author)
    if statement.public:
        return _publish_public(rules, group, statement, item.members)
    rule = _RULES.get(statement.type)
    if rule is None:
        raise refusal("not_admitted", f"a Statement of type {statement.type} is the relay's own to log")
    signed = judge(group, statement, author)
    parties = rule(group, signed, signed.body, item.wrap)
    return Placed(group.append(statement, author=author, parties=[author, *parties]), statement.raw)


def _count(rules: Rules, group: Group, author: str) -> None:
    """One more of whoever hands it in, so that no member floods the log; undone with what is refused."""
    usage = today(group, author)
    if usage.statements >= rules.settings.quotas.statements_per_day and author != rules.relay:
        raise refusal("quota", f"{author} has published {usage.statements} Statements today")
    group.tx.put_usage(author, replace(usage, statements=usage.statements + 1))


def _publish_public(
    rules: Rules, group: Group, statement: Statement, members: Sequence[bytes]
) -> Placed | RefusedError:
    index = group.size
    refuse_if_ended(group)
    with refusing():
        state = group.state.after(statement.raw, members=members, index=index)
    if statement.type == DIRECTORY:
        try:
            after = serving(rules.keys, state.directory, index + 1)
        except MceError as error:
            # Logged here, it would leave a log that nobody can sign: who is given the log logs it. Nothing
            # is accepted after it, so that the copy which the successor adopts is whole.
            group.hand_over(Bundle(statement.raw, tuple(members)))
            rules.metrics.count("log_given_away")
            return refusal("moved", f"this relay ends its log here ({error}): its successor adopts it")
        if after is not serving(rules.keys, group.state.directory, index):
            # Who has read no further than this one knows no newer key (see `views`).
            group.tx.put_ended(group.head.size, group.head.note)
    holder = group.state.holder(statement.signers[0])
    author = holder.id if holder and statement.type != DIRECTORY else "federation"
    records = members if statement.type == DIRECTORY else ()
    return Placed(group.append(statement, author=author, members=records, state=state), statement.raw)


def _delivered(group: Group, signed: Signed, body: statement_pb2.Delivered, wrap: bytes) -> list[str]:
    author = signed.author
    found = _acknowledged(group, author, [(i.header_id, i.index, i.recipient_index) for i in body.items])
    for message, place in found:
        _finish(group, message, replace(place, fate=Fate.DELIVERED, deadline=None))
    return [message.sender for message, _ in found]


def _refused(group: Group, signed: Signed, body: statement_pb2.Refused, wrap: bytes) -> list[str]:
    author = signed.author
    found = _acknowledged(group, author, [(i.header_id, i.index, i.recipient_index) for i in body.items])
    for (message, place), one in zip(found, body.items, strict=True):
        if one.code == _NOT_HELD:
            # Not final: the sender may wrap the same content key once more.
            group.tx.put_place(replace(place, prekey_refused=True))
        else:
            _finish(group, message, replace(place, fate=Fate.REFUSED, deadline=None))
    return [message.sender for message, _ in found]


def _acknowledged(
    group: Group, author: str, items: Sequence[tuple[bytes, int, int]]
) -> list[tuple[Message, Place]]:
    """The places that an acknowledgement names: the author's own, none final, each once."""
    if len({header_id for header_id, _, _ in items}) != len(items):
        raise refusal("malformed", "an acknowledgement that names a message twice")
    found = [_place(group, header_id, number, index) for header_id, index, number in items]
    if len({message.sender for message, _ in found}) > 1:
        # Its parties read all of it: no sender learns here of another's messages.
        raise refusal("wrong_context", "an acknowledgement of messages of more than one sender")
    for message, place in found:
        if place.recipient != author:
            raise refusal("wrong_context", f"{author} is not recipient {place.number} of {message.id.hex()}")
        if place.fate in _FINAL:
            raise refusal("already_final", f"{message.id.hex()} is final at {author}")
    return found


def _place(group: Group, header_id: bytes, number: int, index: int | None = None) -> tuple[Message, Place]:
    message = group.tx.message(header_id)
    if message is None or index not in (None, message.index):
        raise refusal("not_found", f"no message {header_id.hex()} stands at this log index")
    places = group.tx.places(message.index)
    if number >= len(places):
        raise refusal("wrong_context", f"{header_id.hex()} has {len(places)} recipients")
    return message, places[number]


def _finish(group: Group, message: Message, place: Place) -> None:
    group.tx.put_place(place)
    if all(other.fate in _FINAL for other in group.tx.places(message.index)):
        group.tx.close(message.index, group.now)


def _void(group: Group, signed: Signed, body: statement_pb2.Void, wrap: bytes) -> list[str]:
    author = signed.author
    _peer(group, author, body.recipient)
    if group.tx.number_user(author, body.recipient, body.sequence) is not None:
        raise refusal("sequence_used", f"number {body.sequence} from {author} to {body.recipient} is used")
    if body.annulled_id and group.tx.find(body.annulled_id) is not None:
        raise refusal("wrong_context", f"{body.annulled_id.hex()} is logged and cannot be annulled")
    id_ = signed.statement.id(group.state.directory.network_id)
    group.tx.use_number(author, body.recipient, body.sequence, id_)
    return [body.recipient]


def _high_water(group: Group, signed: Signed, body: statement_pb2.HighWater, wrap: bytes) -> list[str]:
    author = signed.author
    _peer(group, author, body.recipient)
    # Whether it is true is for the recipient to judge, who alone knows what arrived.
    return [body.recipient]


def _rewrap(group: Group, signed: Signed, body: statement_pb2.ReWrap, wrap: bytes) -> list[str]:
    author = signed.author
    message, place = _place(group, body.header_id, body.recipient_index)
    if message.sender != author:
        raise refusal("wrong_context", f"{author} did not send {message.id.hex()}")
    if place.fate in _FINAL:
        raise refusal("already_final", f"{message.id.hex()} is final at {place.recipient}")
    if place.fate is not Fate.PENDING or not (body.by_person or (place.prekey_refused and not place.rewrap)):
        raise refusal("wrong_context", f"{place.recipient} waits for no other wrap of {message.id.hex()}")
    prekey = group.state.find_prekey(place.recipient, body.prekey_id)
    # A key logged later could be a thief's: a person has to say so (threats E1, D1).
    if prekey is None or (prekey.index >= message.index and not body.by_person):
        raise refusal("unknown_prekey", f"{body.prekey_id.hex()} is no live prekey logged below the header")
    check_wrap(wrap, body.wrap_digest, place.number)
    group.tx.put_place(replace(place, rewrap=wrap))
    return [place.recipient]


def _erasure(group: Group, signed: Signed, body: statement_pb2.Erasure, wrap: bytes) -> list[str]:
    author = signed.author
    with refusing():
        group.state.open_anchor(body.anchor)
    common: set[str] | None = None
    for header_id in body.header_ids:
        message = group.tx.message(header_id)
        parties = set(parties_of(group, message)) if message else set()
        if author not in parties:
            raise refusal("not_found", f"{author} has no part in a message {header_id.hex()}")
        common = parties if common is None else common & parties
    # Who has no part in one of the messages does not learn its id here.
    return sorted(common or ())


def parties_of(group: Group, message: Message) -> list[str]:
    """Sender and recipients."""
    return [message.sender, *(place.recipient for place in group.tx.places(message.index))]


def _peer(group: Group, author: str, member: str) -> None:
    if member == author or member not in group.state.directory.members:
        raise refusal("wrong_context", f"{member} is no peer of {author}")


_RULES: Final[Mapping[str, Callable[[Group, Signed, Any, bytes], list[str]]]] = MappingProxyType(
    {
        "delivered": _delivered,
        "refused": _refused,
        "void": _void,
        "high-water": _high_water,
        "re-wrap": _rewrap,
        "erasure": _erasure,
    }
)
"""By type; each rule gets the body that `statement.BODIES` has for its type, and names the parties."""
