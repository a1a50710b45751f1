"""What stops attacks on homes that were restored or copied, and the tests that fail without it."""

from tests.attacks.cuts import NODE, without

RECOVERY = NODE + "recovery.py::test_"

DEFENCES = (
    without(
        "H9",
        RECOVERY + "h9_a_restored_home_sends_nothing_before_it_has_followed_the_log",
        (
            "mce_exchange/client/behind.py",
            "return home.settings.find(BEHIND) is not None",
            "return False",
        ),
    ),
    without(
        "H9",
        RECOVERY + "h9_a_restored_home_sends_nothing_before_it_has_followed_the_log",
        ("mce_exchange/store/snapshot.py", ', (settings.BEHIND, "restored"))', ",)"),
    ),
    without(
        "H9",
        RECOVERY + "h9_a_restored_home_sends_nothing_before_it_has_followed_the_log",
        (
            "mce_exchange/client/replies.py",
            "            self._home.numbers.give(one.member, one.sequence, id_)\n",
            "            pass\n",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "H9",
        RECOVERY + "h9_a_number_that_only_our_own_mark_shows_is_not_used_again",
        (
            "mce_exchange/client/replies.py",
            "if self._claimed(body.recipient, body.sequence, body.header_id):",
            "if False:",
        ),
    ),
    without(
        "H9",
        RECOVERY + "h9_a_copied_home_is_behind_and_a_moved_one_is_not",
        ("mce_exchange/store/home.py", "if known is not None:", "if False:"),
    ),
    without(
        "H9",
        RECOVERY + "h9_an_urgent_message_waits_for_the_log_and_takes_the_next_number",
        ("mce_exchange/client/behind.py", "if len(ours) < len(core.recipients):", "if False:"),
        shows="TimeoutError|assert",
    ),
    without(
        "H9",
        RECOVERY + "h9_a_home_that_was_rolled_back_unseen_learns_it_by_a_number_and_sends_again",
        ("mce_exchange/client/dispatch.py", "if outcome.reason == behind.USED:", "if False:"),
        shows="TimeoutError|assert",
    ),
    without(
        "R1",
        RECOVERY + "r1_a_message_is_not_given_a_second_time_after_a_restore",
        (
            "mce_exchange/client/incoming.py",
            "if self._home.inbox.find(arrived.header_id) is not None:",
            "if False:",
        ),
        shows="TimeoutError|assert",
    ),
)
