"""What stops a disk, or a relay, that fails, lies or is rewound: lines, what remains, the test that fails."""

from tests.attacks.cuts import without

CORE = "relay/mce_relay/core.py"
SQLITE = "relay/mce_relay/store/sqlite.py"
SEQUENCER = "relay/mce_relay/sequencer.py"

RESTORED = "tests/relay/test_restored.py::test_"
STATEMENT_FAILS = (
    "tests/storage/test_failing.py::test_l4_a_statement_that_fails_costs_no_promise_and_no_second_signature"
)

DEFENCES = (
    without(
        "D2",
        "tests/e2e/test_new_door.py::test_d2_a_relay_that_a_newer_directory_has_replaced_is_not_gone_back_to",
        ("mce_exchange/client/repin.py", "directory.version < asked.named[0]:", "False:"),
    ),
    without(
        "L3",
        RESTORED + "l3_a_restored_folder_is_not_served_behind_the_operators_anchor",
        (CORE, "            self._known.check(head.state, tree, anchored=anchored)\n", ""),
    ),
    without(
        "L3",
        RESTORED + "l3_an_anchor_that_a_member_holds_stops_a_relay_that_lacks_it",
        (CORE, "            self._sequencer.fail(lacking)\n", ""),
    ),
    without(
        "L3",
        RESTORED + "l3_what_the_log_says_is_erased_is_erased_again",
        (CORE, "            await self._sweeper.erase_again()\n", ""),
    ),
    without(
        "L4",
        "tests/storage/test_power.py::test_l4_a_power_cut_takes_back_nothing_that_was_promised",
        (SQLITE, '"synchronous=FULL"', '"synchronous=NORMAL"'),
        (SQLITE, "_FULL: Final = 2", "_FULL: Final = 1"),
    ),
    without(
        "L4",
        STATEMENT_FAILS + "[1-True]",
        (SEQUENCER, "if reader.size() == self.head.size and given:", "if True:"),
        shows="ValueError: no leaf|AssertionError",
    ),
    without(
        "L4",
        STATEMENT_FAILS + "[1-False]",
        (
            SQLITE,
            'connection.execute("ROLLBACK")\n\n    @contextmanager\n    def read(',
            "pass\n\n    @contextmanager\n    def read(",
        ),
    ),
    without(
        "L5",
        "tests/storage/test_flips.py::test_l5_a_byte_that_changes_is_found_or_nothing_else_is_served",
        (
            "relay/mce_relay/whole.py",
            "        if not equal(LogEntry.decode",
            "        if False and not equal(LogEntry.decode",
        ),
    ),
)
