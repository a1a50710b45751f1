"""What stops attacks on order, Directory, log and hosts: the lines, what remains, the test that then fails."""

from tests.attacks.cuts import NODE, without

AUTHORITY = "mce_exchange/directory/authority.py"
EFFECTS = "mce_exchange/directory/effects.py"
LIMITS = "mce_exchange/limits.py"
OPENING = "mce_exchange/sealing/opening.py"
PROOF = "mce_exchange/log/proof.py"
STATEMENT = "mce_exchange/statement.py"
TEXT = "mce_exchange/text.py"
TRUST = "mce_exchange/directory/trust.py"
WIRE = "mce_exchange/wire.py"

CORE = "tests/core/test_"
SEALING = "tests/sealing/test_"
RELAY = "tests/relay/test_"
AUDIT = "tests/audit/test_evidence.py::test_"

DEFENCES = (
    # Replay, order, acknowledgements.
    without(
        "R1",
        CORE + "state.py::test_r1_a_lifted_suspension_cannot_be_logged_again",
        (EFFECTS, "if id_ in state.suspensions:", "if False:"),
    ),
    without(
        "R1",
        CORE + "state.py::test_r1_an_old_prekey_does_not_come_in_again_after_a_revocation",
        (
            EFFECTS,
            "last = state.last_prekeys.get(body.member)",
            "last = (k.epoch, k.id) if (k := state.prekey(body.member)) else None",
        ),
    ),
    without(
        "R1",
        NODE + "hostile.py::test_r1_the_same_message_again_is_no_second_message",
        (
            "mce_exchange/client/incoming.py",
            "if self._home.inbox.find(arrived.header_id) is not None:",
            "if False:",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "R2",
        NODE + "hostile.py::test_r2_a_log_that_does_not_fit_its_checkpoint_is_not_taken",
        (PROOF, "    _shape(proof, old_root, new_root)\n", "    return\n"),
        shows="TimeoutError|assert",
    ),
    without(
        "R3",
        NODE + "forks.py::test_r3_a_history_that_forks_alarms_and_holds_nothing_back",
        (
            "mce_exchange/client/incoming.py",
            "if not self._home.numbers.may_precede(arrived.sender, before, recipient.previous_id):",
            "if False:",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "R4",
        RELAY + "engine.py::test_r4_the_same_bytes_again_give_the_same_entry",
        (
            "relay/mce_relay/engine.py",
            "    known = earlier(group, statement, member)\n",
            "    known = None\n",
        ),
        shows="RefusedError|assert",
    ),
    without(
        "R5",
        "tests/log/test_anchor.py::test_r5_a_receipt_holds_for_its_entry_only",
        (PROOF, "if last or not equal(node, root):", "if last:"),
    ),
    without(
        "R5",
        AUDIT + "r5_anothers_answer_and_one_of_another_place_are_worth_nothing",
        ("mce_exchange/audit/answers.py", "place is None or place[0] != signed.author:", "place is None:"),
    ),
    without(
        "R5",
        NODE + "hostile.py::test_r5_the_relay_cannot_make_a_hotlines_acknowledgement",
        ("mce_exchange/client/replies.py", "if member != signed.author:", "if False:"),
        shows="TimeoutError|assert",
    ),
    without(
        "R6",
        SEALING + "sealing.py::test_r6_a_recipient_that_the_header_does_not_name_gets_nothing",
        (OPENING, "if not equal(sha256(wrap), digest):", "if False:"),
        shows="DecryptionError",
    ),
    without(
        "R6",
        RELAY + "engine.py::test_r6_a_wrap_outside_the_signed_list_is_refused",
        (
            "relay/mce_relay/engine.py",
            "if len(wrap) != limits.WRAP or not equal(sha256(wrap), digest):",
            "if False:",
        ),
    ),
    # The Directory.
    without(
        "D1",
        NODE + "keys.py::test_d1_an_entry_that_is_not_the_card_alarms",
        (
            "mce_exchange/hotline/own.py",
            "return listed <= labels.keys() | asked and _living(after, revoked) == _living(wanted, revoked)",
            "return True",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "D1",
        NODE + "questions.py::test_d1_a_thief_of_a_signing_key_has_nothing_decrypted",
        ("mce_exchange/hotline/rewrap.py", "if one.index < header_index]", "]"),
        shows="TimeoutError|assert",
    ),
    without(
        "D1",
        CORE + "directory.py::test_d1_nothing_below_the_threshold_counts[below_threshold]",
        (TRUST, "or count < judge.root_threshold:", "or False:"),
    ),
    without(
        "D1",
        CORE + "directory.py::test_d1_a_key_exchanged_by_the_operator_is_never_used",
        (TRUST, "and equal(merkle.root(map(merkle.leaf_hash, members)), pb.members_root)", ""),
    ),
    without(
        "D1",
        CORE + "state.py::test_d1_a_lone_root_takes_nobodys_keys",
        (AUTHORITY, "if kind is Kind.ROOT and signers < directory.root_threshold:", "if False:"),
    ),
    without(
        "D1",
        CORE + "state.py::test_d1_a_board_below_its_threshold_or_anothers_recovers_nothing",
        (AUTHORITY, "        if signers < threshold:", "        if False:"),
    ),
    without(
        "D1",
        NODE + "hostile.py::test_d1_a_change_in_ones_own_name_alarms",
        (
            "mce_exchange/client/intake.py",
            "if named == me and not self._home.publishing.made(given.statement, given.index):",
            "if False:",
        ),
        shows="TimeoutError|assert",
    ),
    without(
        "D2",
        CORE + "directory.py::test_d2_an_older_or_repeated_version_is_refused",
        (TRUST, "_expect(pb.version == len(earlier) + 1,", "_expect(True,"),
        (TRUST, "_expect(bool(pb.genesis_random) == (before is None),", "_expect(True,"),
        (TRUST, '_expect(equal(pb.previous, before.id if before else b""),', "_expect(True,"),
        (TRUST, "_expect(tuple(pb.earlier_indices) == earlier,", "_expect(True,"),
        (TRUST, "life.added == (was.added if was else version)", "True"),
    ),
    without(
        "D2",
        CORE + "directory.py::test_d2_a_version_that_follows_another_directory_is_refused",
        (TRUST, '_expect(equal(pb.previous, before.id if before else b""),', "_expect(True,"),
    ),
    without(
        "D4",
        CORE + "directory.py::test_d4_parts_of_two_versions_do_not_mix",
        (
            TRUST,
            "len(members) == pb.members and equal(merkle.root(map(merkle.leaf_hash, members)), pb.members_root)",
            "True",
        ),
    ),
    without(
        "D5",
        CORE + "directory.py::test_d5_one_root_signing_twice_is_one_root",
        (STATEMENT, "if len(set(statement.signers)) != len(statement.blocks):", "if False:"),
        (TRUST, "if list(statement.signers) != sorted(statement.signers):", "if False:"),
    ),
    without(
        "D5",
        CORE
        + "contents.py::test_d5_nobody_stands_twice_and_nothing_is_half_true[root_with_anothers_ed25519]",
        (TRUST, '_expect(len(set(halves)) == len(halves), "has one public key twice")', "pass"),
    ),
    without(
        "D6",
        CORE + "directory.py::test_d6_a_version_far_ahead_is_refused",
        (TRUST, "_expect(pb.version == len(earlier) + 1,", "_expect(True,"),
    ),
    without(
        "D7",
        CORE + "directory.py::test_d7_a_new_root_set_needs_the_old_threshold_and_its_own",
        (
            TRUST,
            "        _threshold(statement, current, directory)\n        _threshold(statement, directory, directory)\n",
            "        _threshold(statement, current, directory)\n",
        ),
    ),
    without(
        "D8",
        NODE + "keys.py::test_d8_a_revocation_by_file_is_obeyed_before_the_log_brings_it",
        (
            "mce_exchange/hotline/signing.py",
            "obeyed = obeyed.after(raw, index=max(index, obeyed.size, size_of(body.cut)))",
            "pass",
        ),
    ),
    without(
        "D8",
        CORE + "state.py::test_d8_nobody_but_the_threshold_reaches_back_more_than_thirty_days",
        (EFFECTS, "return max(size, state.ticks[0].size)", "return size"),
    ),
    without(
        "D8",
        AUDIT + "d8_a_later_revocation_disputes_what_the_key_signed_since_its_cut",
        (AUTHORITY, "return Verdict.DISPUTED if revoked else Verdict.VALID", "return Verdict.VALID"),
    ),
    # The log.
    without(
        "L1",
        AUDIT + "l1_nobody_is_accused_without_proof[consistent]",
        ("mce_exchange/audit/forks.py", "or equal(record.root, older.root):", "or False:"),
    ),
    without(
        "L1",
        "tests/log/test_anchor.py::test_l1_two_roots_for_one_size_are_a_fork_with_its_evidence",
        (
            "mce_exchange/log/checkpoint.py",
            "if older.size == newer.size and not verify.equal(older.root, newer.root):",
            "if False:",
        ),
        shows="LogError",
    ),
    without(
        "L2",
        "tests/log/test_anchor.py::test_l2_an_extension_line_is_refused",
        ("mce_exchange/log/checkpoint.py", "if len(lines) != 4 or lines[3] or", "if"),
        ("mce_exchange/log/checkpoint.py", " or checkpoint.text != text:", ":"),
        (
            "mce_exchange/log/checkpoint.py",
            "verify.ed25519(key.ed25519, values[0], note.text.encode())",
            "verify.ed25519(key.ed25519, values[0], checkpoint.text.encode())",
        ),
    ),
    without(
        "L5",
        RELAY + "sweeper.py::test_l5_a_private_statement_that_is_damaged_stops_nobody",
        (
            "relay/mce_relay/whole.py",
            "    try:\n        if not equal(",
            "    return True\n    try:\n        if not equal(",
        ),
        shows="MalformedError|assert",
    ),
    without(
        "L7",
        "tests/log/test_vectors.py::test_l7_inclusion",
        (PROOF, 'raise LogError("an inclusion proof with superfluous hashes")', "break"),
    ),
    without(
        "L7",
        "tests/log/test_vectors.py::test_l7_consistency",
        (PROOF, 'raise LogError("a consistency proof with superfluous hashes")', "break"),
    ),
    without(
        "L8",
        CORE + "scopes.py::test_l8_a_leaf_tells_nothing_to_whoever_guesses_the_body",
        (STATEMENT, "return primitive.sha256(self.raw)", "return primitive.sha256(self.body)"),
    ),
    without(
        "L8",
        NODE + "forks.py::test_l8_an_entry_of_the_wrong_class_halts_nobody[False]",
        ("mce_exchange/hotline/follow.py", "elif statements.decode(one.statement).public:", "elif False:"),
        shows="KeyError|TimeoutError|assert",
    ),
    # Hosts.
    without(
        "H2",
        CORE + "statement.py::test_h2_giant_lengths_are_refused_before_anything_is_copied",
        (LIMITS, "STATEMENT_BODY: Final = 1 * MIB", "STATEMENT_BODY: Final = 2**40"),
        shows="DID NOT RAISE|MalformedError",
    ),
    without(
        "H4",
        RELAY + "publish.py::test_h4_no_member_floods_the_log",
        (
            "relay/mce_relay/engine_publish.py",
            "usage.statements >= rules.settings.quotas.statements_per_day",
            "False",
        ),
    ),
    without(
        "H5",
        CORE + "scopes.py::test_h5_no_id_says_more_than_a_name",
        (WIRE, "if field.form and not field.form.fullmatch(text):", "if False:"),
    ),
    without(
        "H5",
        RELAY + "store.py::test_h5_names_are_values_never_sql",
        (
            "relay/mce_relay/store/rows.py",
            '"SELECT 1 FROM parties WHERE member = ? AND idx = ?", member, index)',
            "f\"SELECT 1 FROM parties WHERE member = '{member}' AND idx = ?\", index)",
        ),
        shows="Error",
    ),
    without(
        "H6",
        CORE + "text.py::test_h6_an_attachments_name_names_a_file_of_its_folder",
        (TEXT, '.replace("\\\\", "/").rsplit("/", 1)[-1]', ""),
        shows="FileNotFoundError|assert",
    ),
    without(
        "H8",
        CORE + "state.py::test_h8_an_anchor_above_the_statement_that_relies_on_it_is_refused",
        (AUTHORITY, "if anchor.checkpoint.size > index:", "if False:"),
    ),
    without(
        "H8",
        CORE + "state.py::test_h8_the_logs_clock_goes_forward_only_and_not_beyond_the_directory",
        (EFFECTS, "if tick.time > state.directory.expires_minutes * 60:", "if False:"),
    ),
    without(
        "H8",
        RELAY + "sweeper.py::test_h8_a_clock_far_from_the_log_starts_nothing_until_somebody_says_so",
        ("relay/mce_relay/core.py", "            self._check_clock(head.state)\n", ""),
    ),
    without(
        "H10",
        NODE + "exchange.py::test_h10_no_word_of_a_case_lies_in_a_home",
        (
            "mce_exchange/primitives/vault.py",
            "return bytes(nacl.secret.SecretBox(key).encrypt(framed))",
            "return framed",
        ),
        (
            "mce_exchange/primitives/vault.py",
            "framed = nacl.secret.SecretBox(key).decrypt(box)",
            "framed = box",
        ),
    ),
    without(
        "H11",
        CORE + "text.py::test_h11_every_field_of_a_case_is_inert_in_a_terminal",
        ("mce_exchange/case/render.py", "return one_line(str(value))", "return str(value)"),
    ),
    without(
        "H11",
        CORE + "text.py::test_h11_the_printed_page_of_a_root_holds_text_only",
        (
            "mce_exchange/cli/directory/roots.py",
            "network=html.escape(network), holder=html.escape(holder)",
            "network=network, holder=holder",
        ),
    ),
)
