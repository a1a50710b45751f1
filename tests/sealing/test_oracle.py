"""One error for everything that fails while opening: no oracle for anybody (promise 11, threat E15)."""

import io
from collections.abc import Callable

import pytest

from mce_exchange import header as headers
from mce_exchange import padding
from mce_exchange.errors import DecryptionError
from mce_exchange.header import Header, Stream
from mce_exchange.hotline.receiving import Arrived, Refusal, open_arrived
from mce_exchange.log import merkle
from mce_exchange.opened import Opening
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import StreamKey, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import open_content_key, open_payload, open_stream
from mce_exchange.v1 import envelope_pb2
from tests.federation import NOW_MINUTES, Federation

FEDERATION = Federation()
PT = FEDERATION.people["pt"]
KEY, REF = b"c" * 32, b"r" * 32


def payload(**changes: object) -> bytes:
    """The payload of a message of `be` to `pt`."""
    said: dict[str, object] = {
        "message_ref": REF,
        "sender": "be",
        "recipients": ["pt"],
        "content": b"a case",
        **changes,
    }
    return envelope_pb2.Payload(**said).SerializeToString(deterministic=True)  # type: ignore[arg-type]  # its fields


def plain(data: bytes, size: int = 8192) -> bytes:
    return padding.prefix(len(data)) + data + bytes(size - 8 - len(data))


def message(
    plaintext: bytes,
    *,
    key: bytes = KEY,
    commitment: bytes | None = None,
    flip: bool = False,
    last: bool = True,
    wrapped: bytes = KEY,
    info: Callable[[bytes], bytes] = lambda info: info,
) -> tuple[Header, bytes, bytes]:
    """A message whose author did one thing wrong; header, wrap and ciphertext fit each other."""
    stream_key = StreamKey(stream_secret(key, REF, 0))
    sealed = bytearray(stream_key.seal_chunk(0, plaintext, last=last))
    sealed[0] ^= flip
    stream = Stream(
        root=merkle.root([merkle.leaf_hash(bytes(sealed))]),
        padded_size=len(plaintext),
        commitment=commitment or stream_key.commitment,
    )
    core = headers.Core(
        signers=(bytes(32),),
        message_ref=REF,
        sender="be",
        recipients=(headers.Recipient(member="pt", sequence=1, previous_id=b""),),
        directory_version=1,
        directory_id=bytes(32),
        streams=(stream,),
        created_minutes=NOW_MINUTES,
        lifetime_seconds=60,
    )
    raw = core.encode()
    prekey = FEDERATION.state.prekey("pt")
    assert prekey
    bound = info(headers.wrap_info(sha256(raw), 0, prekey.id))
    wrap = kem.wrap(wrapped, PT.kem.public, bound)
    listed = headers.Wrap(prekey_id=prekey.id, digest=sha256(wrap))
    return Header(core=core, core_bytes=raw, wraps=(listed,)), wrap, bytes(sealed)


FAULTS = {
    "wrap_for_another_header": message(plain(payload()), info=lambda info: info[:-1] + b"\0"),
    "another_content_key": message(plain(payload()), wrapped=b"d" * 32),
    "another_commitment": message(plain(payload()), commitment=bytes(32)),
    "flipped_ciphertext": message(plain(payload()), flip=True),
    "not_the_last_chunk": message(plain(payload()), last=False),
    "length_too_large": message(b"\xff" * 8 + bytes(8184)),
    "padding_not_zero": message(plain(payload())[:-1] + b"\1"),
    "padded_too_far": message(plain(payload(), 16384)),
    "no_payload": message(plain(b"\xff\xff")),
    "unknown_field": message(plain(payload() + b"\xf8\x07\x01")),
    "another_reference": message(plain(payload(message_ref=bytes(32)))),
    "another_sender": message(plain(payload(sender="es"))),
    "other_recipients": message(plain(payload(recipients=["pt", "es"]))),
    "an_attachment_too_many": message(
        plain(
            payload(
                attachments=[envelope_pb2.AttachmentInfo(name="a", media_type="b", size=1)],
            )
        )
    ),
}


def answer(fault: tuple[Header, bytes, bytes]) -> object:
    header, wrap, sealed = fault
    arrived = Arrived(
        header=header,
        header_id=bytes(32),
        sender="be",
        position=0,
        index=9,
        disputed=False,
        strange_directory=False,
        reserved=frozenset(),
    )
    return open_arrived(arrived, wrap=wrap, payload=sealed, prekey=lambda _: PT.kem, check=lambda _: None)


def test_what_is_right_opens() -> None:
    opened = answer(message(plain(payload())))
    assert not isinstance(opened, Refusal)


@pytest.mark.parametrize("fault", FAULTS)
def test_e15_every_failure_gets_one_answer(fault: str) -> None:
    assert answer(FAULTS[fault]) is Refusal.CANNOT_OPEN


def opened(header: Header, wrap: bytes, sealed: bytes) -> object:
    listed = header.wraps[0]
    key = open_content_key(header, 0, wrap, PT.kem, prekey_id=listed.prekey_id, digest=listed.digest)
    return open_payload(header, key, sealed)


def test_e15_every_failure_is_one_error_without_a_cause() -> None:
    seen = set()
    for fault in FAULTS.values():
        with pytest.raises(DecryptionError) as caught:
            opened(*fault)
        error = caught.value
        seen.add((str(error), error.remedy, error.fault, error.__cause__))
    assert len(seen) == 1


def test_e15_attachments_fail_alike() -> None:
    header, _, sealed = message(plain(payload()))
    stream = header.core.streams[0]
    seen = set()
    for secret, data in ((bytes(32), sealed), (stream_secret(KEY, REF, 0), bytes(len(sealed)))):
        with pytest.raises(DecryptionError) as caught:
            b"".join(open_stream(secret, stream, io.BytesIO(data), payload=True))
        seen.add(str(caught.value))
    assert len(seen) == 1


def test_e15_a_disclosed_stream_fails_alike() -> None:
    secret = stream_secret(KEY, REF, 0)
    header, _, sealed = message(plain(payload()))
    opening = Opening(secret, header.core.streams[0], payload=True)
    assert opening.feed(sealed) == payload()
    assert opening.whole
    with pytest.raises(DecryptionError):
        opening.feed(sealed)
    for plaintext in (b"\xff" * 8 + bytes(8184), plain(payload())[:-1] + b"\1"):
        header, _, sealed = message(plaintext)
        with pytest.raises(DecryptionError):
            Opening(secret, header.core.streams[0], payload=True).feed(sealed)
    with pytest.raises(DecryptionError):
        Opening(bytes(32), header.core.streams[0], payload=True)
