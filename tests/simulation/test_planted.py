"""The simulation is no ornament: with a defence taken out of the real code, a seed breaks a property."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from unittest import mock

import pytest

from mce_exchange.client.anchoring import Anchoring
from mce_exchange.client.incoming import Incoming
from mce_exchange.client.record import Record
from mce_exchange.client.replies import Replies
from mce_exchange.client.upkeep import Upkeep
from mce_exchange.hotline import receiving
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.publishing import Publishing
from tests.simulation.running import runs

ENOUGH = 12
Plant = Callable[[], AbstractContextManager[object]]


def _without(owner: object, name: str) -> Plant:
    return lambda: mock.patch.object(owner, name)


def _always(owner: object, name: str, value: object) -> Plant:
    return lambda: mock.patch.object(owner, name, return_value=value)


def _never_alarms(kind: Alarm) -> Plant:
    alarm = Record.alarm

    def other(self: Record, found: Alarm, about: str, text: str, **notes: object) -> None:
        if found is not kind:
            alarm(self, found, about, text, **notes)  # type: ignore[arg-type]  # as they came

    return lambda: mock.patch.object(Record, "alarm", other)


DEFECTS: dict[str, tuple[Plant, list[str], str]] = {
    "gaps are not told": (_without(Upkeep, "_gaps"), ["ForgesAnswer", "DropsMessage"], "late: |silence: "),
    "marks are not read": (_without(Incoming, "high_water"), ["DropsMessage"], "false alarm: |silence: "),
    "no daily marks": (_without(Upkeep, "_marks"), ["DropsMessage"], "false alarm: silent|silence: "),
    "old anchors are taken": (_without(Anchoring, "_still"), ["Freezes", "NoAnchors"], "silence: "),
    "a log kept back is waited for": (_without(Anchoring, "_starved"), ["Starves"], "silence: "),
    "missing witnesses are not told": (_without(Anchoring, "witnessed"), ["StripsWitnesses"], "silence: "),
    "a message again is another": (_always(Incoming, "_known", False), ["Replays"], "silence: |forged: "),
    "a payload is not compared": (_without(receiving, "check_payload"), ["OtherContent"], "silence: "),
    "overdue is always believed": (_always(Replies, "_answer_below", 0), ["FalseOverdue"], "silence: "),
    "a shorter log is as good": (_without(Anchoring, "_rolled_back"), ["Rewinds"], "silence: "),
    "anchors are not compared": (_without(Anchoring, "_fork"), ["OtherAnchor"], "silence: "),
    "answers are never sent": (_always(Publishing, "waiting", []), [], "false alarm: "),
    "predecessors never fit": (
        lambda: mock.patch("mce_exchange.store.numbers.Numbers.may_precede", return_value=False),
        [],
        "false alarm: fork",
    ),
    "not accepted is not told": (_never_alarms(Alarm.UNDELIVERABLE), ["NoContent"], "silence: "),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(defect: str) -> None:
    plant, only, broken = DEFECTS[defect]
    found: list[str] = []
    with runs() as played:
        # The template is made by the code as it is.
        played.seed(1)
        with plant():
            for seed in range(1, ENOUGH):
                found = played.seed(seed, only)[1]
                if any(fault.startswith(tuple(broken.split("|"))) for fault in found):
                    return
    raise AssertionError(f"{ENOUGH} seeds do not show it: {found}")
