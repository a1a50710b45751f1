"""What stops attacks on messages: the lines, what remains without them, the test that then fails."""

from tests.attacks.cuts import without

AUTHORITY = "mce_exchange/directory/authority.py"
HEADER = "mce_exchange/header.py"
KEM = "mce_exchange/primitives/kem.py"
KEYS = "mce_exchange/keys.py"
OPENED = "mce_exchange/opened.py"
OPENING = "mce_exchange/sealing/opening.py"
PADDING = "mce_exchange/padding.py"
SEAL = "mce_exchange/sealing/seal.py"
STATEMENT = "mce_exchange/statement.py"
STREAM = "mce_exchange/primitives/stream.py"
STREAMS = "mce_exchange/sealing/streams.py"
TRUST = "mce_exchange/directory/trust.py"
VERIFY = "mce_exchange/primitives/verify.py"
WIRE = "mce_exchange/wire.py"

CORE = "tests/core/test_"
SEALING = "tests/sealing/test_"
AUDIT = "tests/audit/test_evidence.py::test_"

DEFENCES = (
    without(
        "E1",
        SEALING + "sealing.py::test_e1_a_message_sealed_to_b_cannot_be_passed_on_to_c_as_the_authors",
        (OPENED, "if not says_the_same(inner, core) or sizes !=", "if sizes !="),
    ),
    without(
        "E2",
        SEALING + "sealing.py::test_e2_another_member_cannot_sign_the_same_ciphertext",
        (HEADER, 'return b"mce1/wrap\\0" + core_hash + ', 'return b"mce1/wrap\\0" + '),
    ),
    without(
        "E3",
        SEALING + "sealing.py::test_e3_everything_in_the_core_is_bound_into_the_wrap",
        (HEADER, 'return b"mce1/wrap\\0" + core_hash + ', 'return b"mce1/wrap\\0" + '),
    ),
    without(
        "E3",
        SEALING + "sealing.py::test_e3_place_and_prekey_are_bound_into_the_wrap",
        (HEADER, ' + recipient_index.to_bytes(2, "big") + prekey_id', ""),
    ),
    without(
        "E4",
        SEALING + "sealing.py::test_e4_with_the_recipients_keys_nobody_forges_the_sender",
        (AUTHORITY, "if _named_author(body, statement.type) not in (None, author):", "if False:"),
    ),
    without(
        "E5",
        SEALING + "sealing.py::test_e5_no_recipient_gets_another_plaintext",
        (OPENING, "if not equal(stream_keys(secret)[1], stream.commitment):", "if False:"),
        (STREAMS, "if not equal(key.commitment, stream.commitment):", "if False:"),
    ),
    without(
        "E5",
        AUDIT + "e5_a_false_disclosure_refuses_the_file[chunk_missing]",
        ("mce_exchange/audit/disclosed.py", "if not held.opening.whole or not equal", "if not equal"),
        ("mce_exchange/audit/disclosed.py", "not equal(held.tree.root, root)", "False"),
    ),
    without(
        "E6",
        CORE + "statement.py::test_e6_halves_of_two_keys_make_a_third_key",
        (KEYS, "+ self.ed25519 + self.ml_dsa_65)", "+ self.ed25519)"),
    ),
    without(
        "E6",
        "tests/primitives/test_published.py::test_e6_encapsulation_keys_above_the_modulus_are_refused",
        (KEM, 'raise MalformedError("this prekey is not an X-Wing public key") from None', "return b''"),
    ),
    without(
        "E7",
        "tests/primitives/test_published.py::test_e7_every_key_that_gives_a_zero_secret_is_refused",
        (KEM, 'raise MalformedError("this prekey is not an X-Wing public key") from None', "return b''"),
    ),
    without(
        "E7",
        CORE + "contents.py::test_e7_a_key_of_small_order_enters_no_directory",
        (TRUST, "_expect(admissible_ed25519(ed25519), ", "_expect(True, "),
    ),
    without(
        "E8",
        CORE + "statement.py::test_e8_small_order_keys_are_not_admitted",
        (KEYS, "if not verify.admissible_ed25519(self.ed25519):", "if False:"),
    ),
    without(
        "E8",
        "tests/primitives/test_published.py::test_e8_of_all_edge_cases_only_the_ordinary_one_holds",
        (VERIFY, "nacl.bindings.crypto_core_ed25519_is_valid_point(public)", "True"),
    ),
    without(
        "E9",
        CORE + "statement.py::test_e9_both_halves_of_just_the_named_signers[ml_dsa_stripped]",
        (KEYS, "ed25519, message) and verify.ml_dsa_65(", "ed25519, message) or verify.ml_dsa_65("),
    ),
    without(
        "E9",
        CORE + "statement.py::test_e9_one_signer_more_than_named_is_refused",
        (
            STATEMENT,
            "if statement.type != DIRECTORY and statement.signers != named_signers(parsed):",
            "if False:",
        ),
    ),
    without(
        "E9",
        CORE + "statement.py::test_e9_a_kept_answer_counts_for_both_halves_of_its_key_only[ed25519]",
        (STATEMENT, "asked = (network_id, block, key.ed25519,", 'asked = (network_id, block, b"",'),
    ),
    without(
        "E9",
        CORE + "statement.py::test_e9_a_kept_answer_counts_for_both_halves_of_its_key_only[ml_dsa_65]",
        (STATEMENT, "key.ed25519, key.ml_dsa_65)\n    answer", 'key.ed25519, b"")\n    answer'),
    ),
    without(
        "E9",
        CORE + "statement.py::test_e9_a_kept_answer_counts_for_its_own_block_only",
        (STATEMENT, "asked = (network_id, block, key", "asked = (network_id, statement.blocks[0], key"),
    ),
    without(
        "E10",
        CORE + "statement.py::test_e10_a_kept_answer_counts_for_its_network_only",
        (STATEMENT, "asked = (network_id, block,", 'asked = (b"", block,'),
    ),
    without(
        "E10",
        CORE + "scopes.py::test_e10_of_all_pairs_of_types_only_the_diagonal_holds",
        (
            STATEMENT,
            'b"".join((b"mce1\\0", network_id, _typed(type_), signer, body))',
            'b"".join((b"mce1\\0", network_id, signer, body))',
        ),
        (KEYS, "self._ml_dsa_65.sign(message, context)", 'self._ml_dsa_65.sign(message, b"")'),
        (KEYS, "self.ml_dsa_65, ml_dsa_65, message, context\n", 'self.ml_dsa_65, ml_dsa_65, message, b""\n'),
    ),
    without(
        "E10",
        CORE + "scopes.py::test_e10_an_id_belongs_to_one_type_and_network",
        (STATEMENT, 'b"mce1-id\\0" + network_id + _typed(type_) + body', 'b"mce1-id\\0" + body'),
    ),
    without(
        "E11",
        SEALING + "fresh.py::test_e11_a_hundred_thousand_draws_in_clones_repeat_nothing",
        (SEAL, "= secrets.token_bytes,", "= __import__('random').Random(7).randbytes,"),
    ),
    without(
        "E11",
        SEALING + "fresh.py::test_e11_no_two_chunks_of_a_stream_share_a_nonce",
        (STREAM, 'return counter.to_bytes(11, "big") + ', "return bytes(11) + "),
    ),
    without(
        "E12",
        CORE + "statement.py::test_e12_an_unknown_type_is_a_suite_error",
        (STATEMENT, "if name not in BODIES:", "if False:"),
    ),
    without(
        "E12",
        CORE + "scopes.py::test_e12_no_other_suite_is_read",
        (HEADER, "if pb.suite != SUITE:", "if False:"),
    ),
    without(
        "E13",
        SEALING + "streams.py::test_e13_an_inner_chunk_never_ends_a_stream",
        (STREAM, '(b"\\x01" if last else b"\\x00")', 'b"\\x00"'),
    ),
    without(
        "E13",
        SEALING + "streams.py::test_e13_chunks_cannot_be_moved_dropped_or_exchanged[repeated-chunks2]",
        (STREAM, 'return counter.to_bytes(11, "big") + ', "return bytes(11) + "),
    ),
    without(
        "E14",
        SEALING + "streams.py::test_e14_lengths_show_as_few_sizes",
        (PADDING, "return max(least, 1 << (total - 1).bit_length())", "return total"),
    ),
    without(
        "E14",
        CORE + "scopes.py::test_e14_what_compresses_well_is_as_large_as_what_does_not",
        (
            SEAL,
            "io.BytesIO(payload.SerializeToString(deterministic=True))",
            "io.BytesIO(__import__('zlib').compress(payload.SerializeToString(deterministic=True)))",
        ),
        (PADDING, "_PAYLOAD_LEAST: Final = 8 * limits.KIB", "_PAYLOAD_LEAST: Final = 64"),
    ),
    without(
        "E15",
        SEALING + "oracle.py::test_e15_every_failure_gets_one_answer[another_sender]",
        (
            OPENED,
            "sizes != [one.padded_size for one in core.streams[1:]]:\n        raise DecryptionError",
            "sizes != [one.padded_size for one in core.streams[1:]]:\n        raise MalformedError('it names another sender')",
        ),
    ),
    without(
        "E15",
        CORE + "comparisons.py::test_e15_no_secret_is_compared_by_value[mce_exchange.sealing.opening]",
        (OPENING, "if not equal(sha256(wrap), digest):", "if sha256(wrap) != digest:"),
    ),
    without(
        "E16",
        CORE + "wire.py::test_e16_every_other_encoding_is_refused[duplicate_singular]",
        (WIRE, 'raise MalformedError(f"{field.name}: given more than once")', "pass"),
        (
            WIRE,
            'raise LimitError(f"{field.name}: more than {field.most}")\n        if field.oneof',
            "pass\n        if field.oneof",
        ),
    ),
    without(
        "E16",
        CORE + "wire.py::test_e16_every_other_encoding_is_refused",
        (WIRE, "_message(descriptor, data, 0, len(data), keep_unknown, 1)", "pass"),
    ),
)
