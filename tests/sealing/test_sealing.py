"""Sealing and opening: what belongs together opens, nothing else does (threats E1 to E7, E13, E14, R6)."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mce_exchange import header as headers
from mce_exchange import limits, statement
from mce_exchange.directory.authority import authenticate
from mce_exchange.errors import (
    ContextError,
    DecryptionError,
    LimitError,
    MalformedError,
    MceError,
    SignatureError,
)
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import (
    Attachment,
    Draft,
    Opened,
    Sealed,
    To,
    disclose,
    open_content_key,
    open_message,
    open_payload,
    rewrap,
    seal,
    seal_streams,
)
from tests.federation import NOW_MINUTES, Federation, Person

FEDERATION = Federation()
BE, ES, PT = (FEDERATION.people[name] for name in ("be", "es", "pt"))
CONTENT = b"synthetic case"


def to(member: str, sequence: int = 1, previous_id: bytes = b"") -> To:
    prekey = FEDERATION.state.prekey(member)
    assert prekey
    return To(
        member=member,
        sequence=sequence,
        previous_id=previous_id,
        prekey_id=prekey.id,
        prekey=prekey.public_key,
    )


def signed(draft: Draft, *, keys: Sequence[PrivateKey] = (BE.key,), **more: object) -> Sealed:
    return seal(
        draft,
        to=[to(member) for member in draft.recipients],
        network_id=FEDERATION.network_id,
        directory_version=1,
        directory_id=FEDERATION.state.directory.id,
        keys=keys,
        created_minutes=NOW_MINUTES,
        **more,  # type: ignore[arg-type]  # the tests that use it name real parameters
    )


def draft(sender: str = "be", recipients: Sequence[str] = ("es", "pt"), content: bytes = CONTENT) -> Draft:
    return seal_streams(sender=sender, recipients=recipients, content=content)


DRAFT = draft()
SEALED = signed(DRAFT)


def opened(sealed: Sealed, member: str = "pt", *, key: kem.KemKey | None = None) -> Opened:
    index = [r.member for r in sealed.header.core.recipients].index(member)
    return open_message(
        sealed.header,
        recipient=member,
        wrap=sealed.wraps[index],
        key=key or FEDERATION.people[member].kem,
        payload=sealed.payload,
    )


def content_key_of(header: headers.Header, index: int, person: Person) -> bytes:
    """By the wrap of the sealed message, in another header."""
    listed = header.wraps[index]
    return open_content_key(
        header,
        index,
        SEALED.wraps[index],
        person.kem,
        prekey_id=listed.prekey_id,
        digest=listed.digest,
    )


def with_core(sealed: Sealed, **changes: object) -> headers.Header:
    core = replace(sealed.header.core, **changes)  # type: ignore[arg-type]  # fields of Core
    return replace(sealed.header, core=core, core_bytes=core.encode())


def test_every_recipient_reads_what_was_sealed() -> None:
    for member in ("es", "pt"):
        assert opened(SEALED, member).content == CONTENT
    signed_by = authenticate(SEALED.statement, state=FEDERATION.state, index=FEDERATION.tree.size)
    assert signed_by.author == "be"


def test_e1_a_message_sealed_to_b_cannot_be_passed_on_to_c_as_the_authors() -> None:
    content_key = open_content_key(
        SEALED.header,
        1,
        SEALED.wraps[1],
        PT.kem,
        prekey_id=to("pt").prekey_id,
        digest=sha256(SEALED.wraps[1]),
    )
    # pt re-wraps the author's message to es: without the author's signature it is no wrap of this header.
    wrap = kem.wrap(content_key, ES.kem.public, SEALED.header.wrap_info(0))
    with pytest.raises(ContextError):
        open_message(SEALED.header, recipient="es", wrap=wrap, key=ES.kem, payload=SEALED.payload)
    # and re-signed as pt's own it still names be inside.
    stolen = replace(DRAFT, sender="pt", recipients=("es",))
    resent = signed(stolen, keys=[PT.key])
    with pytest.raises(DecryptionError):
        opened(resent, "es")


def test_e2_another_member_cannot_sign_the_same_ciphertext() -> None:
    core = replace(
        SEALED.header.core,
        sender="pt",
        signers=(PT.key.public.id,),
        recipients=SEALED.header.core.recipients[:1],
    )
    body = headers.encode_header(core.encode(), SEALED.header.wraps[:1])
    forged = FEDERATION.sign("header", body, PT.key)
    header = headers.read_header(forged)
    with pytest.raises(DecryptionError):
        content_key_of(header, 0, ES)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "fr"},
        {"message_ref": bytes(32)},
        {"signers": (bytes(32),)},
        {"directory_id": bytes(32)},
        {"created_minutes": NOW_MINUTES + 1},
        {"urgent": True},
        {"deadline_class": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_e3_everything_in_the_core_is_bound_into_the_wrap(change: dict[str, object]) -> None:
    header = with_core(SEALED, **change)
    with pytest.raises(DecryptionError):
        content_key_of(header, 1, PT)


def test_e3_place_and_prekey_are_bound_into_the_wrap() -> None:
    swapped = replace(SEALED.header, wraps=SEALED.header.wraps[::-1])
    with pytest.raises(ContextError):
        open_message(swapped, recipient="pt", wrap=SEALED.wraps[1], key=PT.kem, payload=SEALED.payload)
    for index, prekey_id in ((0, to("pt").prekey_id), (1, to("es").prekey_id)):
        with pytest.raises(DecryptionError):
            open_content_key(
                SEALED.header,
                index,
                SEALED.wraps[1],
                PT.kem,
                prekey_id=prekey_id,
                digest=sha256(SEALED.wraps[1]),
            )


def test_e4_with_the_recipients_keys_nobody_forges_the_sender() -> None:
    forged = signed(draft(recipients=["pt"]), keys=[PT.key])
    with pytest.raises(SignatureError, match="in the name of another"):
        authenticate(forged.statement, state=FEDERATION.state, index=FEDERATION.tree.size)


def test_e5_no_recipient_gets_another_plaintext() -> None:
    other = draft(content=b"another content")
    # be commits to one content key and signs a wrap to pt that holds another, with a ciphertext to match.
    stream = replace(other.streams[0], commitment=DRAFT.streams[0].commitment)
    core = replace(SEALED.header.core, message_ref=other.message_ref, streams=(stream,))
    info = headers.wrap_info(sha256(core.encode()), 1, to("pt").prekey_id)
    wrap = kem.wrap(other.content_key, PT.kem.public, info)
    wraps = (SEALED.header.wraps[0], replace(SEALED.header.wraps[1], digest=sha256(wrap)))
    header = headers.read_header(
        statement.Statement("header", headers.encode_header(core.encode(), wraps), ())
    )
    with pytest.raises(DecryptionError):
        open_message(header, recipient="pt", wrap=wrap, key=PT.kem, payload=other.payload)


def test_e6_wrong_lengths_and_foreign_halves_are_refused() -> None:
    for public in (b"", PT.kem.public[:-1], PT.kem.public + b"\0"):
        with pytest.raises(MalformedError):
            kem.wrap(bytes(32), public, b"")
    mixed = PT.kem.public[:-32] + ES.kem.public[-32:]
    for key in (PT.kem, ES.kem):
        with pytest.raises(DecryptionError):
            key.unwrap(kem.wrap(bytes(32), mixed, b"i"), b"i")
    for wrap in (b"", SEALED.wraps[1][:-1], SEALED.wraps[1] + b"\0"):
        with pytest.raises(DecryptionError):
            PT.kem.unwrap(wrap, SEALED.header.wrap_info(1))


def test_e7_a_low_order_point_gives_no_shared_secret() -> None:
    low_order = PT.kem.public[:-32] + bytes(32)
    with pytest.raises(MalformedError):
        kem.wrap(bytes(32), low_order, b"")
    wrap = SEALED.wraps[1]
    zero = wrap[:1088] + bytes(32) + wrap[1120:]
    with pytest.raises(DecryptionError):
        PT.kem.unwrap(zero, SEALED.header.wrap_info(1))


def test_r6_a_recipient_that_the_header_does_not_name_gets_nothing() -> None:
    with pytest.raises(ContextError, match="not a recipient"):
        open_message(SEALED.header, recipient="fr", wrap=SEALED.wraps[0], key=ES.kem, payload=SEALED.payload)
    with pytest.raises(ContextError, match="not the one that was signed"):
        open_message(SEALED.header, recipient="pt", wrap=SEALED.wraps[0], key=PT.kem, payload=SEALED.payload)


def test_another_payload_is_told_from_public_bytes() -> None:
    for payload in (SEALED.payload[:-1], SEALED.payload + b"\0", bytes(len(SEALED.payload))):
        with pytest.raises(ContextError, match="not the one that the header commits to"):
            open_message(SEALED.header, recipient="pt", wrap=SEALED.wraps[1], key=PT.kem, payload=payload)


def test_a_rewrap_opens_the_same_message_with_the_newer_prekey_only() -> None:
    newer = kem.KemKey(bytes(32))
    statement_, wrap = rewrap(
        SEALED.header,
        header_id=SEALED.id,
        recipient_index=1,
        content_key=DRAFT.content_key,
        prekey_id=b"n" * 32,
        prekey=newer.public,
        network_id=FEDERATION.network_id,
        keys=[BE.key],
    )
    assert authenticate(statement_, state=FEDERATION.state, index=FEDERATION.tree.size).author == "be"
    key = open_content_key(SEALED.header, 1, wrap, newer, prekey_id=b"n" * 32, digest=sha256(wrap))
    assert open_payload(SEALED.header, key, SEALED.payload).content == CONTENT
    with pytest.raises(DecryptionError):
        open_content_key(SEALED.header, 0, wrap, newer, prekey_id=b"n" * 32, digest=sha256(wrap))


def test_attachments_are_streams_of_their_own_and_can_be_disclosed_alone() -> None:
    sinks = [io.BytesIO(), io.BytesIO()]
    photo, note = b"photo" * 50_000, b"note"
    made = seal_streams(
        sender="be",
        recipients=["pt"],
        content=CONTENT,
        attachments=[
            Attachment(name="photo.png", media_type="image/png", source=io.BytesIO(photo), sink=sinks[0]),
            Attachment(name="note.txt", media_type="text/plain", source=io.BytesIO(note), sink=sinks[1]),
        ],
    )
    sealed = signed(made)
    got = opened(sealed)
    assert [(a.name, a.size) for a in got.attachments] == [("photo.png", len(photo)), ("note.txt", 4)]
    sinks[0].seek(0)
    assert b"".join(disclose(sealed.header, 1, got.secrets[1], sinks[0])) == photo
    # The secret of one stream opens no other, and no other ciphertext passes for this one.
    sinks[1].seek(0)
    with pytest.raises(DecryptionError):
        b"".join(disclose(sealed.header, 2, got.secrets[1], sinks[1]))
    sinks[1].seek(0)
    with pytest.raises(MceError):
        b"".join(disclose(sealed.header, 1, got.secrets[1], sinks[1]))
    assert stream_secret(made.content_key, made.message_ref, 1) == got.secrets[1]
    assert stream_keys(got.secrets[1])[1] == sealed.header.core.streams[1].commitment


@pytest.mark.parametrize("bit", range(0, len(SEALED.payload) * 8, 4099))
def test_any_flipped_bit_of_the_payload_is_refused(bit: int) -> None:
    flipped = bytearray(SEALED.payload)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ContextError):
        open_message(SEALED.header, recipient="pt", wrap=SEALED.wraps[1], key=PT.kem, payload=bytes(flipped))


def test_h2_caps_come_before_work() -> None:
    with pytest.raises(LimitError):
        seal_streams(sender="be", recipients=["pt"], content=bytes(limits.CONTENT + 1))
    with pytest.raises(LimitError):
        seal_streams(sender="be", recipients=[str(i) for i in range(limits.RECIPIENTS + 1)], content=b"x")


def test_the_header_says_one_thing() -> None:
    core = SEALED.header.core
    faults = [
        replace(core, recipients=(core.recipients[0],) * 2),
        replace(core, recipients=(replace(core.recipients[0], member="be"), core.recipients[1])),
        replace(core, recipients=core.recipients[:1]),
        replace(core, recipients=(replace(core.recipients[0], sequence=2), core.recipients[1])),
        replace(core, recipients=(replace(core.recipients[0], previous_id=bytes(32)), core.recipients[1])),
        replace(core, streams=(replace(core.streams[0], padded_size=8193),)),
    ]
    for fault in faults:
        with pytest.raises(MceError):
            headers.read_header(
                statement.Statement("header", headers.encode_header(fault.encode(), SEALED.header.wraps), ())
            )
    assert statement.decode(SEALED.statement.raw) == SEALED.statement


def test_a_header_that_a_second_person_has_still_to_sign_names_her() -> None:
    half = signed(DRAFT, second=BE.second.public.id)
    assert half.header.core.signers == (BE.key.public.id, BE.second.public.id)
    assert half.statement.signers == (BE.key.public.id,)
    with pytest.raises(SignatureError, match="others than those"):
        authenticate(half.statement, state=FEDERATION.state, index=FEDERATION.tree.size)
    whole = statement.cosign(half.statement, BE.second, network_id=FEDERATION.network_id)
    assert authenticate(whole, state=FEDERATION.state, index=FEDERATION.tree.size).persons == 2
