"""What stops attacks on witnesses, forks and tiles: the lines, what remains, the test that then fails."""

from tests.attacks.cuts import NODE, without

ANCHORS = "relay/mce_relay/anchors.py"
ANCHORING = "mce_exchange/client/anchoring.py"
NODE_LOOPS = "mce_exchange/client/node.py"
WITNESSING = "mce_exchange/client/witnessing.py"

WITNESS = NODE + "witness.py::test_"
VIEWS = NODE + "views.py::test_"
TILES = "tests/relay/test_tiles.py::test_"
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
    without(
        "L1",
        WITNESS + "l1_a_log_that_the_witnesses_are_not_shown_is_noticed",
        (ANCHORING, "if self._lacking and minutes >= _WITNESSED_MINUTES:", "if False:"),
        shows="TimeoutError",
    ),
    without(
        "L1",
        VIEWS + "l1_a_witness_that_is_shown_a_second_view_proves_it_and_does_not_cosign_it[5]",
        (NODE_LOOPS, "await self._forking.look(batch.checkpoint)", "pass"),
        (NODE_LOOPS, "await self._forking.look(newest)", "pass"),
        shows="TimeoutError",
    ),
    without(
        "L1",
        VIEWS + "l1_a_second_view_is_proved_though_its_entries_are_never_sent[False]",
        (NODE_LOOPS, "await self._forking.look(newest)", "pass"),
        shows="TimeoutError",
    ),
    without(
        "L1",
        VIEWS + "l1_a_second_view_has_no_quorum_and_one_anchor_of_another_member_proves_it",
        ("mce_exchange/log/anchor.py", "return len(self.times) >= self.quorum.k", "return bool(self.times)"),
        shows="TimeoutError|DID NOT RAISE",
    ),
    without(
        "L2",
        WITNESS + "l2_the_state_is_on_disk_before_anything_is_signed",
        (WITNESSING, "self._home.witness.advance(cosigner, anchor.checkpoint, note)", "pass"),
    ),
    without(
        "L2",
        WITNESS + "l2_another_root_than_the_one_cosigned_is_never_cosigned",
        (WITNESSING, " or not equal(tree.root(state.size), state.root)", ""),
        shows="TimeoutError",
    ),
    without(
        "L2",
        WITNESS + "l2_an_older_anchor_than_the_one_cosigned_is_never_cosigned",
        (WITNESSING, "if new.size < state.size:", "if False:"),
    ),
    without(
        "L2",
        WITNESS + "l2_a_witness_restored_from_a_backup_finds_its_own_cosignature",
        (WITNESSING, "name in one.times and one.checkpoint.size > state.size for", "False for"),
        shows="TimeoutError",
    ),
    without(
        "H8",
        WITNESS + "h8_an_anchor_from_the_future_is_not_cosigned",
        (WITNESSING, "if anchor.frozen > now + SKEW:", "if False:"),
        shows="TimeoutError",
    ),
    without(
        "L6",
        TILES + "l6_a_damaged_entry_is_not_published_and_the_checkpoint_stays",
        (
            "relay/mce_relay/tiles.py",
            'if not equal(b"".join(leaf_hashes(entries)), self._tree.hashes(0, first, end)):',
            "if False:",
        ),
    ),
)
