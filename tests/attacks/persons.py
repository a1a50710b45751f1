"""What keeps two persons two: the lines, what remains without them, the test that then fails."""

from tests.attacks.cuts import NODE, without

DEFENCES = (
    without(
        "H12",
        "tests/core/test_roles.py::test_h12_two_keys_of_one_desk_are_one_person",
        (
            "mce_exchange/directory/authority.py",
            "return len({holder.key.label for holder in holders})",
            "return len(list(holders))",
        ),
    ),
    without(
        "H12",
        "tests/relay/test_engine.py::test_h12_no_urgent_message_by_one_where_the_policy_asks_for_two",
        (
            "mce_exchange/directory/authority.py",
            "if core.urgent and persons_of(holders) < directory.persons(author, Act.URGENT):",
            "if False:",
        ),
    ),
    without(
        "H12",
        NODE + "approvals.py::test_h12_a_hijacked_desk_alone_raises_no_alert",
        (
            "mce_exchange/hotline/receiving.py",
            "return Refusal.POLICY if act in arrived.reserved else opened",
            "return opened",
        ),
        shows="TimeoutError|assert",
    ),
)
