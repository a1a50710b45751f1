"""What stops attacks on witnesses, forks and tiles: the lines, what remains, the test that then fails."""

from tests.attacks.cuts import without

ANCHORS = "relay/mce_relay/anchors.py"

COSIGN = "tests/relay/test_cosign.py::test_"

DEFENCES = (
    without(
        "L2",
        COSIGN + "l2_only_both_true_lines_are_attached[three-malformed]",
        (ANCHORS, "    if not are_both(given, witness):\n", "    if False:\n"),
    ),
    without(
        "L2",
        COSIGN + "l2_a_time_that_is_not_now_is_refused",
        (ANCHORS, "    if abs(time - group.now) > SKEW:", "    if False:"),
    ),
    without(
        "L2",
        COSIGN + "l2_lines_come_through_the_door_of_the_witnesss_member_for_their_size",
        (ANCHORS, "if one.member == member), None)", "), None)"),
    ),
)
