"""The machine is no ornament: with a fault planted in the real code it finds the property broken."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest import mock

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mce_exchange.client.incoming import Incoming
from mce_exchange.client.replies import Replies
from mce_exchange.hotline.answers import About
from mce_exchange.store.inbox import Inbox
from tests.delivery.crash import Life, Moment
from tests.delivery.test_machine import Delivery

Plant = Callable[[], AbstractContextManager[object]]


def _dies_unnoticed(name: str) -> Plant:
    """A disk that says "durable" too early: who dies before the commit has answered as if after it."""
    reached = Life.reached

    def without_stopping(self: Life, moment: Moment) -> None:
        if self.plan is moment is Moment.BEFORE_COMMIT and name in self.folder.name:
            self.die()
        else:
            reached(self, moment)

    return lambda: mock.patch.object(Life, "reached", without_stopping)


def _says_delivered_at_once() -> AbstractContextManager[object]:
    settle = Incoming._settle

    def hasty(self: Incoming, given: object, arrived: object, result: object) -> None:
        settle(self, given, arrived, result)  # type: ignore[arg-type]  # passed on as they came
        header_id, index = arrived.header_id, arrived.index  # type: ignore[attr-defined]  # an Arrived
        self._home.publishing.put_delivered([About(header_id=header_id, index=index, position=0)])

    return mock.patch.object(Incoming, "_settle", hasty)


FAULTS: dict[str, tuple[Plant, str]] = {
    "relay answers before it is durable": (_dies_unnoticed("relay"), "accepted_is_logged"),
    "sender tells before it is durable": (_dies_unnoticed("be"), "handed_over_is_durable|given_until"),
    "recipient counts on without keeping": (lambda: mock.patch.object(Inbox, "put"), "followed_is_held"),
    "delivered before it is acknowledged": (_says_delivered_at_once, "delivered_is_durable_first"),
    "acknowledged without being noted": (
        lambda: mock.patch.object(Inbox, "move"),
        "given_until|delivered_is_durable_first",
    ),
    "own header in the log is not known": (
        lambda: mock.patch.object(Replies, "_logged"),
        "ours_in_the_log_is_known",
    ),
    "neither wrapped again nor asked": (
        lambda: mock.patch.object(Replies, "_wrap_again"),
        "every_message_ends",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    plant, broken = FAULTS[fault]
    chosen = settings(
        max_examples=400, stateful_step_count=20, phases=[Phase.generate], database=None, derandomize=True
    )
    with plant(), pytest.raises(AssertionError, match=broken):
        run_state_machine_as_test(Delivery, settings=chosen)
