"""The defences: what stops an attack, how to take it out, and the test that must then fail."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

CORE = "tests/core/test_"
SEALING = "tests/sealing/test_sealing.py::test_"
STREAMS = "tests/sealing/test_streams.py::test_"
NODE = "tests/node/test_"
RELAY = "tests/relay/test_"


@dataclass(frozen=True)
class Defence:
    """An attack's id, the test (a pytest node id), and `module:name` with what replaces it."""

    id: str
    test: str
    target: str
    without: Any


def _true(*_: object, **__: object) -> bool:
    return True


def _nothing(*_: object, **__: object) -> None:
    return None


def _constant(*_: object, **__: object) -> bytes:
    return b"no context"


def _only_ed25519(self: Any, message: bytes, ed25519: bytes, ml_dsa_65: bytes, *, context: bytes) -> bool:
    from mce_exchange.primitives import verify

    return verify.ed25519(self.ed25519, ed25519, message)


def _without_network_and_type(network_id: bytes, type_: str, signer: bytes, body: bytes) -> bytes:
    return b"mce1\0" + signer + body


def _without_last(counter: int, *, last: bool) -> bytes:
    return counter.to_bytes(12, "big")


def _half_an_id() -> Any:
    def id_(self: Any) -> bytes:
        return bytes(self.ed25519)

    made: cached_property[bytes] = cached_property(id_)
    made.__set_name__(object, "id")
    return made


def _in_the_clear(key: bytes, plaintext: bytes, *, label: bytes) -> bytes:
    return plaintext


def _any_type() -> Any:
    from mce_exchange import statement

    return {**statement.BODIES, "classic": statement.BODIES["contest"]}


Build = Callable[[], Any]

DEFENCES = (
    Defence("E1", SEALING + "e1_a_message_sealed_to_b_cannot_be_passed_on_to_c_as_the_authors", "mce_exchange.primitives.verify:equal", _true),
    Defence("E2", SEALING + "e2_another_member_cannot_sign_the_same_ciphertext", "mce_exchange.header:wrap_info", _constant),
    Defence("E3", SEALING + "e3_everything_in_the_core_is_bound_into_the_wrap", "mce_exchange.header:wrap_info", _constant),
    Defence("E3", SEALING + "e3_place_and_prekey_are_bound_into_the_wrap", "mce_exchange.header:wrap_info", _constant),
    Defence("E4", SEALING + "e4_with_the_recipients_keys_nobody_forges_the_sender", "mce_exchange.directory.authority:_by_role", _nothing),
    Defence("E5", SEALING + "e5_no_recipient_gets_another_plaintext", "mce_exchange.primitives.verify:equal", _true),
    Defence("E6", CORE + "statement.py::test_e6_halves_of_two_keys_make_a_third_key", "mce_exchange.keys:PublicKey.id", _half_an_id()),
    Defence("E8", CORE + "statement.py::test_e8_small_order_keys_are_not_admitted", "mce_exchange.primitives.verify:admissible_ed25519", _true),
    Defence("E9", CORE + "statement.py::test_e9_both_halves_of_just_the_named_signers", "mce_exchange.keys:PublicKey.verifies", _only_ed25519),
    Defence("E10", CORE + "statement.py::test_e10_a_signature_counts_for_its_type_and_network_only", "mce_exchange.statement:signed_bytes", _without_network_and_type),
    Defence("E12", CORE + "statement.py::test_e12_an_unknown_type_is_a_suite_error", "mce_exchange.statement:BODIES", _any_type),
    Defence("E13", STREAMS + "e13_an_inner_chunk_never_ends_a_stream", "mce_exchange.primitives.stream:_nonce", _without_last),
    Defence("E16", CORE + "wire.py::test_e16_every_other_encoding_is_refused", "mce_exchange.wire:lint", _nothing),
    Defence("R1", NODE + "hostile.py::test_r1_the_same_message_again_is_no_second_message", "mce_exchange.client.incoming:Incoming._known", _nothing),
    Defence("R2", NODE + "hostile.py::test_r2_a_log_that_does_not_fit_its_checkpoint_is_not_taken", "mce_exchange.log.proof:verify_consistency", _nothing),
    Defence("R4", RELAY + "engine.py::test_r4_the_same_bytes_again_give_the_same_entry", "mce_relay.engine:earlier", _nothing),
    Defence("R5", NODE + "hostile.py::test_r5_a_receipt_that_proves_nothing_is_not_believed", "mce_exchange.log.proof:verify_inclusion", _nothing),
    Defence("R6", SEALING + "r6_a_recipient_that_the_header_does_not_name_gets_nothing", "mce_exchange.primitives.verify:equal", _true),
    Defence("R6", RELAY + "engine.py::test_r6_a_wrap_outside_the_signed_list_is_refused", "mce_relay.engine:check_wrap", _nothing),
    Defence("D1", CORE + "directory.py::test_d1_nothing_below_the_threshold_counts", "mce_exchange.directory.trust:_threshold", _nothing),
    Defence("D1", NODE + "hostile.py::test_d1_a_change_in_ones_own_name_alarms", "mce_exchange.client.intake:Intake._public", _nothing),
    Defence("H2", CORE + "statement.py::test_h2_giant_lengths_are_refused_before_anything_is_copied", "mce_exchange.limits:STATEMENT_BODY", 2**40),
    Defence("H8", RELAY + "sweeper.py::test_h8_a_clock_far_from_the_log_starts_nothing_until_somebody_says_so", "mce_relay.core:Core._check_clock", _nothing),
    Defence("L5", RELAY + "sweeper.py::test_l5_a_private_statement_that_is_damaged_stops_nobody", "mce_relay.whole:is_whole", _true),
    Defence("H10", NODE + "exchange.py::test_h10_no_word_of_a_case_lies_in_a_home", "mce_exchange.primitives.vault:shut", _in_the_clear),
)  # fmt: skip
"""One line each: a table is read across."""
