"""The caps of a message are met exactly: the last that fits is sealed, the next is not (SPEC section 4)."""

import io
from dataclasses import replace

import pytest

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.errors import DecryptionError, LimitError, UsageError
from mce_exchange.header import Wrap, read_header
from mce_exchange.primitives.stream import _MAX_CHUNKS, StreamKey
from mce_exchange.sealing import Attachment, open_message, reseal_payload, rewrap, seal_stream, seal_streams
from mce_exchange.v1 import statement_pb2
from tests.sealing.test_sealing import BE, DRAFT, FEDERATION, PT, SEALED, signed, to


def attachment(name: str = "a", media_type: str = "b", data: bytes = b"") -> Attachment:
    return Attachment(name=name, media_type=media_type, source=io.BytesIO(data), sink=io.BytesIO())


def drafted(
    *, recipients: int = 1, attachments: int = 0, content: int = 1, name: str = "a", media_type: str = "b"
) -> None:
    seal_streams(
        sender="be",
        recipients=[f"m{i}" for i in range(recipients)],
        content=b"c" * content,
        attachments=[attachment(name, media_type) for _ in range(attachments)],
    )


@pytest.mark.parametrize(
    ("cap", "smallest", "largest"),
    [
        ("recipients", 1, limits.RECIPIENTS),
        ("attachments", 0, limits.ATTACHMENTS),
        ("content", 1, limits.CONTENT),
    ],
)
def test_a_message_at_each_cap_is_sealed_and_one_beyond_is_not(cap: str, smallest: int, largest: int) -> None:
    for fits in (smallest, largest):
        drafted(**{cap: fits})  # type: ignore[arg-type]  # the counts only
    for wrong in {smallest - 1, largest + 1} - {-1}:
        with pytest.raises((LimitError, UsageError)):
            drafted(**{cap: wrong})  # type: ignore[arg-type]  # the counts only


@pytest.mark.parametrize(
    ("what", "largest"), [("name", limits.ATTACHMENT_NAME), ("media_type", limits.MEDIA_TYPE)]
)
def test_an_attachments_words_have_their_caps_in_bytes(what: str, largest: int) -> None:
    for fits in (1, largest):
        drafted(attachments=1, **{what: "x" * fits})  # type: ignore[arg-type]  # the words only
    for wrong in ("", "x" * (largest + 1), "é" * (largest // 2 + 1)):
        with pytest.raises(LimitError):
            drafted(attachments=1, **{what: wrong})  # type: ignore[arg-type]  # the words only


def test_the_longest_content_comes_back_whole() -> None:
    content = bytes(i % 251 for i in range(251)) * (limits.CONTENT // 251)
    sealed = signed(seal_streams(sender="be", recipients=["pt"], content=content))
    read = open_message(
        sealed.header, recipient="pt", wrap=sealed.wraps[0], key=PT.kem, payload=sealed.payload
    )
    assert read.content == content


def test_a_payload_sealed_again_from_what_a_party_keeps_is_the_same_ciphertext() -> None:
    made = seal_streams(
        sender="be", recipients=["pt"], content=b"c", attachments=[attachment("p", "q", b"abc")]
    )
    core = signed(made).header.core
    again = reseal_payload(core, b"c", made.attachments, secret=made.secrets[0])
    assert again == made.payload
    assert reseal_payload(core, b"d", made.attachments, secret=made.secrets[0]) != made.payload


class Endless(io.RawIOBase):
    """Zeros up to a length that nobody holds in memory."""

    def __init__(self, length: int) -> None:
        self.left = length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = min(self.left, size)
        self.left -= taken
        return bytes(taken)


class Nowhere(io.BytesIO):
    """Forgets what is written."""

    def write(self, data: object) -> int:
        return 0


@pytest.mark.parametrize("payload", [True, False])
def test_a_stream_as_long_as_its_cap_is_sealed_and_one_byte_more_is_not(
    payload: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The caps of the format are 1 MiB and 2 GiB: the same rule at a size that a test can afford.
    monkeypatch.setattr(limits, "ATTACHMENT_PADDED", 4 * limits.CHUNK)
    monkeypatch.setattr(limits, "PAYLOAD_PADDED", 2 * limits.CHUNK)
    cap = (2 if payload else 4) * limits.CHUNK - 8
    _, length = seal_stream(bytes(32), Endless(cap), Nowhere(), payload=payload)  # type: ignore[arg-type]  # read() only
    assert length == cap
    with pytest.raises(LimitError, match=f"more than {cap} bytes"):
        seal_stream(bytes(32), Endless(cap + 1), Nowhere(), payload=payload)  # type: ignore[arg-type]  # read() only


def test_chunks_outside_the_caps_are_neither_sealed_nor_opened() -> None:
    key = StreamKey(bytes(32))
    for counter, size in ((0, 1), (_MAX_CHUNKS - 1, 1), (0, limits.CHUNK)):
        sealed = key.seal_chunk(counter, bytes(size), last=False)
        assert key.open_chunk(counter, sealed, last=False) == bytes(size)
    for counter, size in ((-1, 1), (_MAX_CHUNKS, 1), (0, 0), (0, limits.CHUNK + 1)):
        with pytest.raises(ValueError, match="caps"):
            key.seal_chunk(counter, bytes(size), last=False)
    beyond = key._aead.encrypt(_MAX_CHUNKS.to_bytes(11, "big") + b"\0", b"x", None)
    too_long = key._aead.encrypt(bytes(12), bytes(limits.CHUNK + 1), None)
    nothing = key._aead.encrypt(bytes(12), b"", None)
    for counter, sealed in ((_MAX_CHUNKS, beyond), (0, too_long), (0, nothing), (-1, beyond)):
        with pytest.raises(DecryptionError):
            key.open_chunk(counter, sealed, last=False)


def test_the_header_read_back_says_everything_that_was_sealed() -> None:
    sealed = signed(
        DRAFT,
        keys=(BE.key, BE.second),
        lifetime_seconds=limits.DEFAULT_LIFETIME_SECONDS - 60,
        deadline_class=2,
        urgent=True,
        supersedes=b"s" * 32,
    )
    core = read_header(statements.decode(sealed.statement.raw)).core
    assert core.signers == (BE.key.public.id, BE.second.public.id)
    assert (core.directory_version, core.directory_id) == (1, FEDERATION.state.directory.id)
    assert (core.lifetime_seconds, core.deadline_class) == (limits.DEFAULT_LIFETIME_SECONDS - 60, 2)
    assert (core.urgent, core.supersedes) == (True, b"s" * 32)
    assert core.encode() == sealed.header.core_bytes
    plain = SEALED.header.core
    assert (plain.lifetime_seconds, plain.deadline_class) == (limits.DEFAULT_LIFETIME_SECONDS, 0)
    assert (plain.urgent, plain.supersedes) == (False, b"")


def test_a_draft_lists_its_attachments_and_takes_exact_randomness() -> None:
    asked = []

    def random(size: int) -> bytes:
        asked.append(size)
        return bytes([len(asked)]) * size

    made = seal_streams(
        sender="be",
        recipients=["pt"],
        content=b"c",
        attachments=[attachment("p", "q", b"abc")],
        random=random,
    )
    assert asked == [32, 32]
    assert [(one.name, one.media_type, one.size) for one in made.attachments] == [("p", "q", 3)]


@pytest.mark.parametrize("by_person", [False, True])
def test_a_re_wrap_names_the_recipients_place_and_whether_a_person_agreed(by_person: bool) -> None:
    prekey = to("pt")
    more = {"by_person": True} if by_person else {}
    made, wrap = rewrap(
        SEALED.header,
        header_id=SEALED.id,
        recipient_index=1,
        content_key=DRAFT.content_key,
        prekey_id=prekey.prekey_id,
        prekey=prekey.prekey,
        network_id=FEDERATION.network_id,
        keys=[BE.key],
        **more,
    )
    body = statements.body(made, statement_pb2.ReWrap)
    assert (body.header_id, body.recipient_index, body.by_person) == (SEALED.id, 1, by_person)
    again = Wrap(prekey_id=body.prekey_id, digest=body.wrap_digest)
    header = replace(SEALED.header, wraps=(SEALED.header.wraps[0], again))
    read = open_message(header, recipient="pt", wrap=wrap, key=PT.kem, payload=SEALED.payload)
    assert read.content == b"synthetic case"
