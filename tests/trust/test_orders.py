"""Orders of roots and boards on files: each adds its block in its place, whoever is first (SPEC 8.5, 8.8)."""

from dataclasses import replace

import pytest

from mce_exchange import statement as statements
from mce_exchange.directory import orders
from mce_exchange.directory.compose import new_key
from mce_exchange.errors import MalformedError, UsageError
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2
from tests.core.chronicle import BOARD, NEW, Chronicle
from tests.federation import ROOTS, Federation, Person

FEDERATION = Federation()
SIGNERS = [root.public.id for root in ROOTS[:2]]


def order() -> Statement:
    """A revocation that two roots have yet to sign."""
    body = statement_pb2.Revocation(
        signers=SIGNERS,
        member="be",
        key_id=FEDERATION.people["be"].key.public.id,
        cut=FEDERATION.anchor(),
        reason=statement_pb2.REVOCATION_REASON_COMPROMISED,
    )
    return Statement("revocation", body.SerializeToString(), ())


def sign(one: Statement, number: int) -> Statement:
    return orders.sign_order(one, ROOTS[number], network_id=FEDERATION.network_id)


@pytest.mark.parametrize("first", [0, 1])
def test_two_roots_sign_one_after_the_other_in_either_order(first: int) -> None:
    bare = orders.read_order(order().raw)
    assert (bare.type, bare.blocks, orders.signers_of(bare)) == ("revocation", (), SIGNERS)
    one = orders.read_order(sign(bare, first).raw)
    assert list(one.signers) == [SIGNERS[first]]
    assert sign(one, first) == one
    both = orders.read_order(sign(one, 1 - first).raw)
    assert list(both.signers) == SIGNERS
    FEDERATION.state.after(both.raw, index=FEDERATION.tree.size)


def test_who_is_not_named_does_not_sign() -> None:
    with pytest.raises(UsageError, match=f"revocation does not name {ROOTS[2].public.id.hex()}"):
        sign(order(), 2)


def test_a_suspension_says_what_it_was_told() -> None:
    anchor = FEDERATION.anchor()
    body = orders.suspension_body(
        signer=SIGNERS[0], member="pt", anchor=anchor, reason=statement_pb2.SUSPENSION_REASON_MISUSE
    )
    read = statement_pb2.Suspension.FromString(body)
    assert (list(read.signers), read.member, read.anchor) == (SIGNERS[:1], "pt", anchor)
    assert read.reason == statement_pb2.SUSPENSION_REASON_MISUSE
    state = FEDERATION.state.after(sign(Statement("suspension", body, ()), 0).raw, index=FEDERATION.tree.size)
    assert not state.takes_part("pt")


def test_an_order_is_known_by_its_first_bytes_and_read_strictly() -> None:
    assert orders.is_order(order().raw)
    assert orders.is_order(bytes([10]) + b"suspension")
    for other in (b"", b"revocation", FEDERATION.genesis.statement, FEDERATION.raw[1]):
        assert not orders.is_order(other)
    raw = order().raw
    for broken in (raw[:-1], raw + b"\0", raw[:13] + raw[14:]):
        with pytest.raises(MalformedError):
            orders.read_order(broken)
    with pytest.raises(MalformedError):
        orders.signers_of(Statement("revocation", b"\xff", ()))
    assert statements.BODIES["revocation"] is statement_pb2.Revocation


def test_a_boards_order_is_signed_on_a_file_and_gives_the_key_and_the_doors_of_the_card() -> None:
    c = Chronicle()
    door = Person("be", "BE").door
    card = replace(c.people["be"].record, keys=(new_key(NEW.public, label="new"),), certificates=(door,))
    board = BOARD[1:]
    body = orders.recovery_body(signers=[one.public.id for one in board], card=card, cut=c.anchor())
    order = orders.read_order(Statement("board-recovery", body, ()).raw)
    for one in reversed(board):
        order = orders.sign_order(order, one, network_id=c.network_id)
    c.publish(orders.read_order(order.raw).raw)
    assert c.state.recovered[NEW.public.id].holder.key.label == "new"
    assert c.state.certificates("be") == (door,)
