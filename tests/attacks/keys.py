"""What stops attacks on keys and on who may change them: the lines, what remains, the test that fails."""

from tests.attacks.cuts import NODE, without

BOARD = "mce_exchange/client/board.py"
INTAKE = "mce_exchange/client/intake.py"

DEFENCES = (
    without(
        "D1",
        "tests/trust/test_carried.py::test_d1_a_card_that_brings_the_lost_key_back_is_refused",
        ("mce_exchange/directory/changes.py", "if key.life.removed and key.public.id in ids:", "if False:"),
        shows="DID NOT RAISE|DirectoryError",
    ),
    without(
        "D1",
        NODE + "board.py::test_d1_nobody_writes_or_signs_an_order_that_would_not_hold",
        (
            "mce_exchange/client/board.py",
            "if asked != body.SerializeToString(deterministic=True):",
            "if False:",
        ),
    ),
    without(
        "D1",
        NODE + "board.py::test_d1_a_recovery_in_the_name_of_one_who_lost_nothing_alarms_it",
        (INTAKE, "            self._recovered(given, decoded, step.after)\n", ""),
        shows="TimeoutError|assert",
    ),
    without(
        "D1",
        NODE + "keys.py::test_d1_whatever_is_public_in_ones_own_name_alarms[tls-keys]",
        (
            INTAKE,
            "if named == me and not self._home.publishing.made(given.statement, given.index):",
            "if False:",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "D3",
        NODE + "stale.py::test_d3_a_hidden_directory_is_noticed_and_stops_no_alert",
        ("mce_exchange/client/anchoring.py", "if self._record.now - since >= _STILL_SECONDS:", "if False:"),
        shows="TimeoutError|assert",
    ),
    without(
        "D8",
        NODE + "revoking.py::test_d8_messages_above_the_cut_stay_and_are_told_to_be_in_doubt",
        ("mce_exchange/client/incoming.py", "if key_id in statements.decode(raw).signers:", "if False:"),
    ),
    without(
        "D8",
        NODE + "renewing.py::test_d8_what_waited_under_a_retired_key_goes_by_the_new_one",
        (
            "mce_exchange/client/renewing.py",
            "        if keys != self._done or not lives:\n",
            "        if False:\n",
        ),
        shows="TimeoutError|assert",
    ),
)
