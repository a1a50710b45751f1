"""The scenarios of the TUF conformance suite: the test here that shows the same, or why there is none.

The Directory has TUF's root semantics and nothing of its other roles: one file in one chain, logged, with
no timestamp, snapshot, targets or delegation beside it.
"""

from typing import Final

DIRECTORY: Final = "tests/core/test_directory.py::test_"
SCENARIOS: Final = "tests/trust/test_scenarios.py::test_"
WIRE: Final = "tests/core/test_wire.py::test_"
STATEMENT: Final = "tests/core/test_statement.py::test_"
HOSTILE: Final = "tests/node/test_hostile.py::test_"
STREAMS: Final = "tests/sealing/test_streams.py::test_"
STALE: Final = "tests/node/test_stale.py::test_"
CEREMONY: Final = "tests/cli/test_ceremony.py::test_"

_ONE_FILE: Final = "no role but the root, so no second file whose version or digest could disagree"
_NO_FILES: Final = "nothing is downloaded by name: attachments are named by the root that the header signs"
_NO_DELEGATION: Final = "no delegation: every key stands in the Directory itself"
_NOTHING_TO_MISS: Final = (
    "no second file that could be missing; what is withheld of the log stops the batch: "
)

TESTS: Final = {
    "test_basic_refresh_trusted_data": DIRECTORY + "the_next_version_follows",
    "test_invalid_initial_root": DIRECTORY + "a_genesis_opens_for_the_pinned_fingerprint_only",
    "test_unsigned_initial_root": SCENARIOS + "a_genesis_that_its_roots_have_not_signed_opens_for_nobody",
    "test_unsigned_metadata": DIRECTORY + "d1_nothing_below_the_threshold_counts",
    "test_timestamp_content_changes": HOSTILE + "r2_a_log_that_does_not_fit_its_checkpoint_is_not_taken",
    "test_basic_metadata_hash_support": DIRECTORY + "d4_parts_of_two_versions_do_not_mix",
    "test_targets_hash_mismatch": DIRECTORY + "d1_a_key_exchanged_by_the_operator_is_never_used",
    "test_snapshot_hash_mismatch": DIRECTORY + "d2_a_version_that_follows_another_directory_is_refused",
    "test_metadata_bytes_match": DIRECTORY + "any_flipped_bit_of_a_directory_is_refused",
    "test_custom_fields": WIRE + "e16_every_other_encoding_is_refused",
    "test_incorrect_metadata_type": SCENARIOS + "a_statement_of_another_type_is_no_directory",
    "test_faketime": STALE + "a_stale_directory_alarms_and_stops_nobody",
    "test_root_expired": STALE + "a_stale_directory_alarms_and_stops_nobody",
    "test_expired_local_root": STALE + "a_stale_directory_alarms_and_stops_nobody",
    "test_repository_substitutes_target_file": HOSTILE + "an_attachment_exchanged_on_the_way_is_not_shown",
    "test_snapshot_does_not_meet_threshold": DIRECTORY + "d1_nothing_below_the_threshold_counts",
    "test_snapshot_has_too_few_keys": SCENARIOS + "a_threshold_above_the_number_of_roots_is_refused",
    "test_duplicate_keys": SCENARIOS + "d5_a_root_listed_twice_is_refused",
    "test_duplicate_sig_keyids": DIRECTORY + "d5_one_root_signing_twice_is_one_root",
    "test_keytype_and_scheme": STATEMENT + "e9_both_halves_of_just_the_named_signers",
    "test_invalid_sig_in_valid_metadata": SCENARIOS + "one_bad_signature_among_enough_good_ones_refuses_all",
    "test_unusual_role_name": SCENARIOS + "ids_that_could_be_taken_for_others_are_refused",
    "test_new_timestamp_version_rollback": DIRECTORY + "d2_an_older_or_repeated_version_is_refused",
    "test_snapshot_rollback": DIRECTORY + "d2_an_older_or_repeated_version_is_refused",
    "test_targets_rollback": DIRECTORY + "d2_an_older_or_repeated_version_is_refused",
    "test_targets_role_removal": DIRECTORY + "a_version_rewrites_no_history",
    "test_targets_fast_forward_recovery": DIRECTORY + "d6_a_version_far_ahead_is_refused",
    "test_new_snapshot_fast_forward_recovery": DIRECTORY + "d6_a_version_far_ahead_is_refused",
    "test_new_timestamp_fast_forward_recovery": DIRECTORY + "d6_a_version_far_ahead_is_refused",
    "test_root_rotation": CEREMONY + "roots_come_and_go_and_every_client_follows",
    "test_non_root_rotations": DIRECTORY
    + "a_key_lives_from_the_index_that_added_it_to_the_one_that_removed_it",
}

REASONS: Final = {
    "test_basic_refresh_requests": "one stream brings the log in order: no sequence of files to ask for",
    "test_implicit_refresh": "a node follows the log while it runs; no call refreshes anything",
    "test_url_and_metadata_version_mismatch": "a version stands in the signed body, in no name",
    "test_deprecated_keyid_hash_algorithms": "one suite: a key id has one formula",
    "test_snapshot_404": _NOTHING_TO_MISS + "_public_withheld in tests/node/test_hostile.py",
    "test_targets_404": _NOTHING_TO_MISS + "_public_withheld in tests/node/test_hostile.py",
    "test_timestamp_404": _NOTHING_TO_MISS + "_public_withheld in tests/node/test_hostile.py",
    "test_timestamp_expired": _ONE_FILE,
    "test_snapshot_expired": _ONE_FILE,
    "test_targets_expired": _ONE_FILE,
    "test_expired_local_timestamp": _ONE_FILE,
    "test_client_downloads_expected_file": _NO_FILES,
    "test_client_downloads_expected_file_in_sub_dir": _NO_FILES,
    "test_multiple_changes_to_target": _NO_FILES,
    "test_download_with_hash_algorithms": "one digest algorithm, named by the suite",
    "test_download_with_unknown_hash_algorithm": "one digest algorithm, named by the suite",
    "test_artifact_cache": _NO_FILES,
    "test_static_repository": "other bytes than TUF's: the worked example of SPEC section 1 is ours",
    "test_graph_traversal": _NO_DELEGATION,
    "test_targetfile_search": _NO_DELEGATION,
    "test_cached_role_is_verified_against_current_delegator": _NO_DELEGATION,
    "test_delegation_not_in_snapshot": _NO_DELEGATION,
}
