"""Edges of the core that nothing else reaches: what a caller of our own gets wrong, and what is unusual."""

import io
from collections.abc import Callable
from dataclasses import replace

import nacl.pwhash.argon2id as argon2id
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from mce_exchange import header as headers
from mce_exchange import limits, statement, wire
from mce_exchange.audit import verify as audit
from mce_exchange.audit.build import Piece, build
from mce_exchange.directory import compose, effects
from mce_exchange.directory.authority import Verdict, authenticate, later_verdict
from mce_exchange.directory.known import Revoked
from mce_exchange.directory.records import Bundle, RelayCard, name_is_plain
from mce_exchange.errors import (
    ContextError,
    DecryptionError,
    LimitError,
    LogError,
    MalformedError,
    StoreError,
    UsageError,
)
from mce_exchange.fields import Bound
from mce_exchange.keys import PrivateKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Anchor, Quorum, sign_anchor
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.log.entry import leaf_hashes
from mce_exchange.log.proof import verify_consistency
from mce_exchange.primitives import kem, sign, tls, vault, verify
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.sealing import Attachment, To, disclose, seal, seal_stream, seal_streams
from mce_exchange.v1 import case_pb2, directory_pb2
from tests.federation import LOG, LOG_KEY, NOW_MINUTES, ROOTS, Federation, signed

FEDERATION = Federation()


def refused(kind: type[Exception], work: Callable[..., object], *arguments: object, **named: object) -> None:
    with pytest.raises(kind):
        work(*arguments, **named)


# Keys and primitives.


def test_keys_come_from_randomness_and_seeds_of_one_length_only() -> None:
    key = PrivateKey.generate()
    assert PrivateKey.from_seed(key.seed).public.id == key.public.id
    assert kem.KemKey.generate().public != kem.KemKey.generate().public
    assert sign.MlDsa44Key.generate().public != sign.Ed25519Key.generate().public
    for work in (PrivateKey.from_seed, kem.KemKey, sign.Ed25519Key, sign.MlDsa44Key, sign.MlDsa65Key):
        refused(StoreError, work, b"short")


def test_a_wrap_that_holds_no_content_key_does_not_open() -> None:
    key = kem.KemKey(bytes(32))
    refused(DecryptionError, key.unwrap, kem.wrap(b"k" * 32, key.public, b"info")[:-1], b"info")
    # A wrap of 31 bytes is a byte too short, one of another length opens and is refused for it.
    refused(DecryptionError, key.unwrap, kem.wrap(b"k" * 31, key.public, b"info"), b"info")


def test_a_public_key_of_another_length_is_admitted_nowhere() -> None:
    assert not verify.admissible_ml_dsa_65(bytes(limits.ML_DSA_65_PUBLIC - 1))
    refused(MalformedError, kem.wrap, b"k" * 32, bytes(limits.X_WING_PUBLIC + 1), b"")


def test_chunks_outside_the_caps_are_neither_sealed_nor_opened() -> None:
    key = StreamKey(bytes(32))
    refused(ValueError, key.seal_chunk, 0, b"", last=True)
    refused(ValueError, key.seal_chunk, -1, b"x", last=True)
    refused(DecryptionError, key.open_chunk, 0, bytes(limits.TAG), last=True)


def test_doors_come_back_from_pem() -> None:
    _, der = tls.make_certificate()
    assert tls.to_der(tls.to_pem(der)) == der
    assert tls.is_certificate(der)
    assert not tls.is_certificate(der[:-1])
    refused(MalformedError, tls.to_der, b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")


def test_a_box_opens_with_its_key_in_its_place_only() -> None:
    parameters = vault.PassphraseParameters.fresh(vault.Cost.INTERACTIVE)
    key = vault.passphrase_key("synthetic", parameters)
    assert vault.passphrase_key("synthetic", parameters) == key != vault.new_key()
    # Not libsodium's defaults, which are another cost than either.
    expected = argon2id.kdf(32, b"synthetic", parameters.salt, *vault.Cost.INTERACTIVE.value)
    assert key == expected
    box = vault.shut(key, b"seed", label=b"signing")
    assert vault.unshut(key, box, label=b"signing") == b"seed"
    refused(StoreError, vault.unshut, key, box, label=b"door")
    refused(StoreError, vault.unshut, vault.new_key(), box, label=b"signing")
    refused(StoreError, vault.unshut, key, b"short", label=b"signing")


# The wire: what a case body may be and a protocol body may not (SPEC sections 4.1 and 7).


CASE_CAP = 1024


def lenient(data: bytes) -> None:
    wire.lint(case_pb2.CaseMessage, data, cap=CASE_CAP, keep_unknown=True)


@pytest.mark.parametrize(
    "data",
    [
        b"\xf8\x07\x01",  # an unknown number, a varint
        b"\xf9\x07" + bytes(8),  # 64 bits
        b"\xfd\x07" + bytes(4),  # 32 bits
        b"\xfa\x07\x02ab",  # bytes
    ],
    ids=["varint", "fixed64", "fixed32", "bytes"],
)
def test_e16_unknown_fields_of_a_case_body_are_passed_whole(data: bytes) -> None:
    lenient(data)
    refused(MalformedError, wire.lint, directory_pb2.Quorum, data, cap=CASE_CAP)


@pytest.mark.parametrize(
    "data",
    [
        b"\xfb\x07\xfc\x07",  # a group
        b"\xfa\x07\x05ab",  # longer than what holds it
        b"\xf9\x07" + bytes(3),  # cut short
        b"\xf8\x07\x80",  # a varint without its end
        b"\x00\x01",  # field 0
        b"\x80\x80\x80\x80\x10\x00",  # a number beyond 2^29 - 1
    ],
    ids=["group", "long", "short", "varint", "zero", "number"],
)
def test_e16_what_is_no_field_at_all_is_refused_in_a_case_body_too(data: bytes) -> None:
    refused(MalformedError, lenient, data)


def test_e16_a_second_member_of_a_oneof_is_refused() -> None:
    first, second = (field.number for field in case_pb2.CaseMessage.DESCRIPTOR.oneofs[0].fields[:2])
    refused(MalformedError, lenient, bytes([first << 3 | 2, 0, second << 3 | 2, 0]))


def fixed_numbers() -> type[Message]:
    """A message as no protocol body is yet: numbers of fixed width, one and packed."""
    number, many = descriptor_pb2.FieldDescriptorProto(), descriptor_pb2.FieldDescriptorProto()
    number.name, number.number, number.type, number.label = (
        "one",
        1,
        number.TYPE_FIXED64,
        number.LABEL_OPTIONAL,
    )
    many.name, many.number, many.type, many.label = "many", 2, many.TYPE_FIXED32, many.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="edges.proto", package="edges", syntax="proto3")
    file.message_type.add(name="Fixed", field=[number, many])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("edges.Fixed"))


def test_e16_numbers_of_fixed_width_are_whole_and_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"one": Bound(0, 2**64 - 1, 0, 1), "many": Bound(0, 2**32 - 1, 0, 2)}
    monkeypatch.setattr(wire, "FIELDS", {"edges.Fixed": row})
    kind = fixed_numbers()
    wire.lint(kind, b"\x09" + b"\1" * 8 + b"\x12\x08" + bytes(8), cap=CASE_CAP)
    for data in (b"\x09" + bytes(8), b"\x09" + b"\1" * 7, b"\x12\x06" + bytes(6)):
        refused(MalformedError, wire.lint, kind, data, cap=CASE_CAP)
    refused(LimitError, wire.lint, kind, b"\x12\x0c" + bytes(12), cap=CASE_CAP)


def test_bytes_that_were_not_linted_do_not_become_a_message() -> None:
    refused(MalformedError, wire.read, directory_pb2.Quorum, b"\xff")


def test_h2_nesting_is_capped_before_the_stack_is(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = b"\x0a" + bytes([len(b"\x0a\x01x")]) + b"\x0a\x01x"
    lenient(nested)
    monkeypatch.setattr(limits, "NESTING", 1)
    refused(LimitError, lenient, nested)


# Statements, Directories, the public state.


def test_a_statement_that_was_made_and_not_read_is_not_linted() -> None:
    made = statement.decode(FEDERATION.raw[1])
    refused(MalformedError, statement.lint, replace(made, body=b"\xff"))


def test_a_directory_file_holds_a_directory_signed_once_by_each() -> None:
    refused(UsageError, compose.body_of, FEDERATION.raw[1])
    once = signed(FEDERATION.genesis, ROOTS[:1])
    assert once == FEDERATION.genesis
    draft = replace(FEDERATION.draft(), name="many")
    bundle = compose.genesis(draft, random=b"m" * 32, now_minutes=NOW_MINUTES)
    keys = [PrivateKey.from_seed(bytes([number]) * 64) for number in range(1, limits.SIGNATURES + 2)]
    full = signed(bundle, keys[:-1])
    refused(UsageError, compose.sign_directory, full, keys[-1])


def test_entries_are_taken_once_and_upwards() -> None:
    refused(ContextError, FEDERATION.state.after, FEDERATION.raw[1], index=1)


def test_an_effect_takes_its_own_type_only() -> None:
    state = FEDERATION.state
    prekey = authenticate(statement.decode(FEDERATION.raw[1]), state=state, index=state.size)
    refused(ContextError, effects.EFFECTS["contest"], state, prekey, bytes(32), state.size)


def test_a_relays_card_says_nothing_of_versions() -> None:
    relay = next(iter(FEDERATION.state.directory.relays.values()))
    pb = directory_pb2.RelayCard.FromString(RelayCard(relay=relay, log_key=LOG_KEY).encode())
    pb.log_key.added_version = 1
    refused(MalformedError, RelayCard.decode, pb.SerializeToString())


def test_h6_ids_are_plain() -> None:
    assert name_is_plain("hotline.be.example")
    assert not any(map(name_is_plain, ("", "BE", "b\u0435", "../be")))


def test_a_verdict_knows_later_revocations() -> None:
    key = FEDERATION.people["be"].key.public.id
    state = replace(FEDERATION.state, revoked={key: Revoked(cut=3, index=5)})
    verdicts = [later_verdict([key], state, index) for index in (2, 3, 5, 6)]
    assert verdicts == [Verdict.VALID, Verdict.DISPUTED, Verdict.DISPUTED, Verdict.INVALID]


def test_a_header_is_read_from_a_header_only() -> None:
    refused(ContextError, headers.read_header, statement.decode(FEDERATION.raw[1]))


# The log.


def test_trees_prove_what_they_hold_and_nothing_else() -> None:
    tree = merkle.Tree([merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")])
    refused(ValueError, tree.inclusion_proof, 2, 2)
    refused(ValueError, tree.consistency_proof, 2, 1)
    refused(ValueError, tree.root, 3)
    refused(LogError, verify_consistency, 0, merkle.EMPTY, 0, bytes(32), ())
    edge = merkle.Frontier()
    edge.append(merkle.leaf_hash(b"a"))
    copy = edge.copy()
    copy.append(merkle.leaf_hash(b"b"))
    assert (edge.size, copy.root) == (1, tree.root())


def test_runs_of_entries_hash_like_single_ones() -> None:
    entries = b"".join(b"\x01\x01" + bytes([n]) * 32 for n in range(3))
    assert leaf_hashes(entries) == [merkle.leaf_hash(entries[at : at + 34]) for at in (0, 34, 68)]
    for bad in (entries[:-1], b"\x02" + entries[1:], b"\x01\x02" + entries[2:]):
        refused(MalformedError, leaf_hashes, bad)


def test_a_quorum_that_is_there_is_no_error() -> None:
    checkpoint = Checkpoint("mce1/x", 1, bytes(32))
    anchor = Anchor(checkpoint=checkpoint, time=1, frozen=1, times={}, quorum=Quorum(0, 0), note=b"")
    anchor.require_quorum()
    refused(LogError, replace(anchor, quorum=Quorum(1, 1)).require_quorum)
    long = Checkpoint("x" * 256, 1, bytes(32))
    refused(MalformedError, sign_anchor, long, time=1, ed25519=LOG[0], ml_dsa_44=LOG[1])


# Sealing.


def attachment(name: str = "a", media_type: str = "b/c", data: bytes = b"x") -> Attachment:
    return Attachment(name=name, media_type=media_type, source=io.BytesIO(data), sink=io.BytesIO())


@pytest.mark.parametrize("one", [attachment(name="n" * 256), attachment(media_type="")], ids=["name", "type"])
def test_h2_an_attachments_words_are_capped(one: Attachment) -> None:
    refused(LimitError, seal_streams, sender="be", recipients=["pt"], content=b"synthetic", attachments=[one])


def test_h2_recipients_and_attachments_are_counted_first() -> None:
    many = [f"m{number}" for number in range(limits.RECIPIENTS + 1)]
    refused(LimitError, seal_streams, sender="be", recipients=many, content=b"synthetic")
    for wrong in ([], ["be"], ["pt", "pt"]):
        refused(UsageError, seal_streams, sender="be", recipients=wrong, content=b"synthetic")


def test_h2_more_data_than_a_stream_may_hold_ends_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTACHMENT_PADDED", 2 * limits.CHUNK)
    source = io.BytesIO(bytes(3 * limits.CHUNK))
    refused(LimitError, seal_stream, bytes(32), source, io.BytesIO(), payload=False)
    assert source.tell() <= 3 * limits.CHUNK


def test_what_is_sealed_goes_to_those_whom_the_payload_names() -> None:
    draft = seal_streams(sender="be", recipients=["pt"], content=b"synthetic")
    prekey = FEDERATION.state.prekey("es")
    assert prekey
    es = To(member="es", sequence=1, previous_id=b"", prekey_id=prekey.id, prekey=prekey.public_key)
    refused(
        UsageError,
        seal,
        draft,
        to=[es],
        network_id=FEDERATION.network_id,
        directory_version=1,
        directory_id=FEDERATION.state.directory.id,
        keys=[FEDERATION.people["be"].key],
        created_minutes=NOW_MINUTES,
    )


def test_a_disclosure_is_of_a_stream_that_is_there_and_of_its_ciphertext() -> None:
    draft = seal_streams(sender="be", recipients=["pt"], content=b"synthetic")
    to = To(
        member="pt", sequence=1, previous_id=b"", prekey_id=bytes(32), prekey=kem.KemKey(bytes(32)).public
    )
    made = seal(
        draft,
        to=[to],
        network_id=bytes(32),
        directory_version=1,
        directory_id=bytes(32),
        keys=[FEDERATION.people["be"].key],
        created_minutes=1,
    )
    assert b"synthetic" in b"".join(disclose(made.header, 0, draft.secrets[0], io.BytesIO(made.payload)))
    refused(ContextError, disclose, made.header, 1, draft.secrets[0], io.BytesIO(made.payload))
    other = bytes([made.payload[0] ^ 1]) + made.payload[1:]
    refused(ContextError, disclose, made.header, 0, draft.secrets[0], io.BytesIO(other))


# Evidence.


def evidence(*, size: int) -> bytes:
    pieces = [Piece(0, FEDERATION.genesis.statement, FEDERATION.genesis.members), Piece(1, FEDERATION.raw[1])]
    made = build(
        pieces,
        network_id=FEDERATION.network_id,
        tree=FEDERATION.tree,
        anchor=FEDERATION.anchor(),
        anchor_size=size,
    )
    return b"".join(made)


def test_what_no_anchor_covers_is_not_written() -> None:
    refused(UsageError, evidence, size=1)


def test_h2_statements_of_a_file_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = evidence(size=FEDERATION.tree.size)
    report = audit.verify_evidence(io.BytesIO(data), network_id=FEDERATION.network_id)
    assert report.to_json()["log_size"] == FEDERATION.tree.size
    monkeypatch.setattr(audit, "_MOST_LISTED", 0)
    refused(LimitError, audit.verify_evidence, io.BytesIO(data), network_id=FEDERATION.network_id)


def test_a_bundle_is_what_it_was() -> None:
    assert Bundle.decode(FEDERATION.genesis.encode()) == FEDERATION.genesis
