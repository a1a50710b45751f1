"""A member's board: who it is, and how it gives a member that lost everything a new key (SPEC section 8.8).

The home that lost its keys cannot write the order itself: no door is open to it. Whoever follows the log
does, by the card of the member's new home; the board's members compare that card and sign.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client import keeping
from mce_exchange.client.identity import Identity
from mce_exchange.directory import orders
from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Member, SigningKey, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import decode_card, encode_card, signing_key
from mce_exchange.errors import UsageError
from mce_exchange.keys import PublicKey
from mce_exchange.statement import Statement
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.v1 import statement_pb2

TYPE: Final = "board-recovery"


def name_board(
    home: Home, joined: tuple[Identity, PublicState] | None, keys: Sequence[PublicKey], threshold: int
) -> bytes:
    """The next card, kept: it lists this board. A home that has not joined yet names it on its first card.

    An empty board is none. Raises `UsageError` for a threshold that these keys cannot reach.
    """
    if len({one.id for one in keys}) != len(keys):
        raise UsageError("one of these keys stands twice")
    if not 0 <= threshold <= len(keys) or bool(threshold) != bool(keys):
        raise UsageError(f"a threshold of {threshold} for {len(keys)} board keys")
    card = keeping.next_card(home, *joined) if joined else decode_card(home.settings.get(settings.CARD))
    data = encode_card(replace(card, board_keys=tuple(map(new_key, keys)), board_threshold=threshold))
    home.settings.put(settings.CARD, data)
    return data


def recovery(
    home: Home, state: PublicState, card: Member, signers: Sequence[bytes], *, before: int | None = None
) -> Statement:
    """The order, unsigned: the key of this card is the member's, and every other of its keys is lost.

    What the lost keys signed from the newest anchor on, or the newest not after `before`, is disputed.
    Raises `UsageError` for what nobody would accept once it is signed.
    """
    record = state.directory.members.get(card.id)
    if record is None:
        raise UsageError(f"{card.id} is no member", remedy="is it the member's own id on the card?")
    if not state.takes_part(card.id):
        raise UsageError(f"{card.id} is held back", remedy="the federation lets it take part again first")
    if len(card.keys) != 1 or not card.certificates:
        raise UsageError("not the card of a new home", remedy="`mce init` and `mce card` make one")
    if state.find_key(card.keys[0].public.id) is not None:
        raise UsageError("the key on this card is known already", remedy="make a new home with `mce init`")
    living = {key.public.id for key in record.board_keys if not key.life.removed}
    if len(set(signers)) != len(signers) or not living.issuperset(signers):
        raise UsageError(f"one of these keys is not of the board of {card.id}, or stands twice")
    if not record.board_threshold or len(signers) < record.board_threshold:
        raise UsageError(
            f"{len(signers)} of the board, and {record.board_threshold or 'no number of them'} must sign",
            remedy="without a board the federation revokes the lost keys: `mce directory revoke`",
        )
    lost = [key.public.id for key in record.keys]
    cut = keeping.cut_of(home, state, lost, before, together=False)
    return Statement(TYPE, orders.recovery_body(signers=signers, card=card, cut=cut), ())


def read(data: bytes) -> tuple[Statement, statement_pb2.BoardRecovery]:
    """An order that may lack blocks, linted and parsed; `UsageError` for a file of another kind."""
    order = orders.read_order(data) if orders.is_order(data) else None
    if order is None or order.type != TYPE:
        raise UsageError("this file is no recovery by a board", remedy="`mce board recover` writes one")
    statements.lint(order)
    return order, statement_pb2.BoardRecovery.FromString(order.body)


def check_card(body: statement_pb2.BoardRecovery, card: Member) -> None:
    """`UsageError` unless the order gives the member just what its new card asks for.

    What was compared by voice is the card: without this the board would sign a key that nobody has seen.
    """
    asked = (
        orders.recovery_body(signers=body.signers, card=card, cut=body.cut) if len(card.keys) == 1 else b""
    )
    if asked != body.SerializeToString(deterministic=True):
        raise UsageError(
            "this order is not for the key and the door of this card",
            remedy="do not sign; telephone whoever sent it",
        )


def new_key_of(body: statement_pb2.BoardRecovery) -> SigningKey:
    """The key that an order gives."""
    return signing_key(body.new_key)


def adopted(home: Home, identity: Identity, state: PublicState, raw: bytes) -> bool:
    """Whether this home holds the key of a recovery that has taken effect; then its card is made anew.

    So that the card asks for what the member is: its record, with the new key for all lost ones.
    """
    body = statement_pb2.BoardRecovery.FromString(statements.decode(raw).body)
    key = new_key_of(body)
    if body.member != identity.member or key.public.id not in home.secrets.signing_ids():
        return False
    record = state.directory.member(identity.member)
    card = replace(
        record,
        status=Status.ACTIVE,
        policy={},
        keys=(key,),
        certificates=(home.settings.get(settings.DOOR),),
        board_keys=tuple(new_key(one.public) for one in record.board_keys if not one.life.removed),
    )
    home.settings.put(settings.CARD, encode_card(card))
    return True
