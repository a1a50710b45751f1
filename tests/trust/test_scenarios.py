"""Scenarios of the TUF conformance suite that nothing else here shows, and that each name has its answer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange import statement
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft
from mce_exchange.directory.records import Bundle, decode_member, encode_member
from mce_exchange.errors import DirectoryError, MalformedError
from mce_exchange.statement import Statement
from tests.federation import NOW_MINUTES, ROOTS, Federation, signed
from tests.trust.tuf import REASONS, TESTS

ROOT = Path(__file__).resolve().parents[2]
FEDERATION = Federation()


def next_version(change: Callable[[Draft], Draft] = lambda draft: draft) -> Bundle:
    current = FEDERATION.state.directory
    bundle = compose.successor(change(Draft.of(current)), current=current, now_minutes=NOW_MINUTES)
    return signed(bundle, ROOTS[:2], network_id=FEDERATION.network_id)


def refused(bundle: Bundle, match: str) -> None:
    with pytest.raises(DirectoryError, match=match):
        trust.open_next(FEDERATION.state.directory, bundle, index=50)


def test_every_name_of_the_suite_has_its_test_or_its_reason() -> None:
    lines = (ROOT / "tests/vectors/tuf-conformance/scenario-names.txt").read_text("utf-8").split()
    names = set(lines[1::2])
    assert len(names) == 53
    assert TESTS.keys() | REASONS.keys() == names
    assert not TESTS.keys() & REASONS.keys()


@pytest.mark.parametrize("test", sorted(set(TESTS.values())))
def test_the_tests_named_exist(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")


def test_a_genesis_that_its_roots_have_not_signed_opens_for_nobody() -> None:
    bare = compose.genesis(FEDERATION.draft(), random=b"g" * 32, now_minutes=NOW_MINUTES)
    for bundle in (bare, signed(bare, ROOTS[:1])):
        with pytest.raises(DirectoryError):
            trust.open_genesis(bundle, network_id=FEDERATION.network_id)
    assert trust.open_genesis(signed(bare, ROOTS[1:]), network_id=FEDERATION.network_id).version == 1


def test_a_statement_of_another_type_is_no_directory() -> None:
    good = statement.decode(next_version().statement)
    for type_ in ("prekey", "header"):
        refused(
            Bundle(Statement(type_, good.body, good.blocks).raw, next_version().members), "not a Directory"
        )


def test_a_threshold_above_the_number_of_roots_is_refused() -> None:
    refused(next_version(lambda draft: replace(draft, root_threshold=4)), "root signatures")


def test_d5_a_root_listed_twice_is_refused() -> None:
    refused(
        next_version(lambda draft: replace(draft, root_keys=(*draft.root_keys, draft.root_keys[0]))), "twice"
    )


def test_one_bad_signature_among_enough_good_ones_refuses_all() -> None:
    """TUF passes over a bad signature where enough are good; here it is another Statement, and refused."""
    current = FEDERATION.state.directory
    bare = compose.successor(
        replace(Draft.of(current), name="Another"), current=current, now_minutes=NOW_MINUTES
    )
    three = signed(bare, ROOTS, network_id=FEDERATION.network_id)
    assert trust.open_next(current, three, index=50).version == 2
    good = statement.decode(three.statement)
    first = good.blocks[0]
    bad = replace(first, ed25519=bytes([first.ed25519[0] ^ 1]) + first.ed25519[1:])
    refused(Bundle(Statement(good.type, good.body, (bad, *good.blocks[1:])).raw, three.members), "signature")


@pytest.mark.parametrize("id_", ["BE", "b\u0435", "../be", "be/pt", "be ", "b\u202ee", ""])
def test_ids_that_could_be_taken_for_others_are_refused(id_: str) -> None:
    record = replace(FEDERATION.people["be"].record, id=id_)
    with pytest.raises(MalformedError):
        decode_member(encode_member(record))
