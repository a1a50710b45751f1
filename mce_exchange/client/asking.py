"""Questions to a person, and what an answer does (SPEC section 9.5): behind the facade and `mce`."""

from dataclasses import dataclass

from mce_exchange import fingerprint as fingerprints
from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import lives, prekeys
from mce_exchange.hotline.signing import obeying
from mce_exchange.sealing import rewrap
from mce_exchange.store.home import Home
from mce_exchange.store.questions import Asked

_AGAIN = "send it again: `mce send --supersedes`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A recipient cannot open a message of ours, and asks by a prekey that is younger than the message.

    Telephone `phone`, a number that you knew before, and compare `prekey` (hex) or `words` with what
    `mce key list` shows there. `prekey` is empty while the recipient has published none since. `warnings`
    are contests against it.
    """

    id: int
    message_id: str
    member: str
    phone: str
    prekey: str
    words: str
    warnings: tuple[str, ...]
    at: int


def questions(home: Home, state: PublicState) -> list[Question]:
    """Those that wait, each about the newest prekey there is; another one since makes another question."""
    state = obeying(state, home.publishing.revocations())
    with home.database.write():
        for one in home.questions.open():
            newest = _newest(home, state, one)
            if newest != one.prekey_id:
                home.questions.put(
                    one.header_id, one.position, member=one.member, prekey_id=newest, at=one.at
                )
    return [_told(state, one) for one in home.questions.open()]


def answer(
    home: Home, identity: Identity, state: PublicState, id_: int, *, yes: bool, now_minutes: int
) -> None:
    """A person's decision. A yes signs a `re-wrap` to the prekey that was asked about, and to no other.

    Raises `UsageError` if there is no such question any more, or a yes cannot be carried out.
    """
    state = obeying(state, home.publishing.revocations())
    asked = next((one for one in home.questions.open() if one.id == id_), None)
    if asked is None:
        raise UsageError(
            f"no question {id_} waits for an answer", remedy="`mce questions` lists those that do"
        )
    with home.database.write():
        if yes:
            _wrap(home, identity, state, asked, now_minutes)
        home.questions.answered(id_, yes=yes)


def _wrap(home: Home, identity: Identity, state: PublicState, asked: Asked, now_minutes: int) -> None:
    sent = home.outbox.find(asked.header_id)
    if sent is None or sent.deliveries[asked.position].final:
        raise UsageError(f"{asked.member} has answered meanwhile", remedy="nothing is left to do")
    newest = prekeys.to_send(state, asked.member, now_minutes=now_minutes)
    header = read_header(statements.decode(sent.statement))
    if newest.id != asked.prekey_id or newest.id == header.wraps[asked.position].prekey_id:
        raise UsageError(
            "the prekey that was asked about is not the newest one, or is the one that is lost",
            remedy="`mce questions` asks anew; compare again by telephone",
        )
    try:
        content_key = home.outbox.body(asked.header_id).content_key
    except StoreError:
        content_key = b""
    if not content_key:
        raise UsageError("the content key of this message is not here any more", remedy=_AGAIN)
    made, wrap = rewrap(
        header,
        header_id=asked.header_id,
        recipient_index=asked.position,
        content_key=content_key,
        prekey_id=newest.id,
        prekey=newest.public_key,
        network_id=identity.network_id,
        keys=identity.author.keys,
        by_person=True,
    )
    home.publishing.put(made, wrap=wrap)


def _newest(home: Home, state: PublicState, asked: Asked) -> bytes:
    """The prekey to ask about: none while the newest is the one that the recipient lost."""
    sent, newest = home.outbox.find(asked.header_id), state.prekey(asked.member)
    if sent is None or newest is None:
        return b""
    lost = read_header(statements.decode(sent.statement)).wraps[asked.position].prekey_id
    return b"" if newest.id == lost else newest.id


def _told(state: PublicState, asked: Asked) -> Question:
    record = state.directory.members.get(asked.member)
    return Question(
        id=asked.id,
        message_id=asked.header_id.hex(),
        member=asked.member,
        phone=record.phone if record else "",
        prekey=asked.prekey_id.hex(),
        words=fingerprints.words(asked.prekey_id) if asked.prekey_id else "",
        warnings=tuple(lives.warnings(state, asked.member)),
        at=asked.at,
    )
