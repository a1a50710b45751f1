"""What stands inside the encryption, for recipients and for those to whom it is disclosed (SPEC 6, 7).

`Opening` takes the sealed chunks of one stream as they come; `read_payload` reads the data of stream 0
against the header. Everything that is wrong with either is one `DecryptionError` (promise 11).
"""

from dataclasses import dataclass

from mce_exchange import limits, padding, wire
from mce_exchange.errors import DecryptionError, LimitError, MalformedError
from mce_exchange.header import Core, Stream
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.primitives.verify import equal
from mce_exchange.v1 import envelope_pb2


class Opening:
    """Opens the chunks of one stream in order, by its secret `s_i` (32 bytes).

    The commitment is compared first, so one ciphertext has one plaintext (threat E5). A piece is genuine
    but the stream is not whole until `whole`: show nothing before (threat E13).
    """

    def __init__(self, secret: bytes, stream: Stream, *, payload: bool) -> None:
        self._key = StreamKey(secret)
        if not equal(self._key.commitment, stream.commitment):
            raise DecryptionError
        self._stream = stream
        self._payload = payload
        self._counter = 0
        self._left = 0

    @property
    def whole(self) -> bool:
        """Whether the last chunk has been opened."""
        return self._counter == self._stream.chunks

    def feed(self, sealed: bytes) -> bytes:
        """The data in the next chunk, without length and padding."""
        if self.whole:
            raise DecryptionError
        last = self._counter == self._stream.chunks - 1
        # The header's size says how long each chunk is: there is one way to cut a stream.
        rest = self._stream.ciphertext_size - self._counter * (limits.CHUNK + limits.TAG)
        if len(sealed) != min(rest, limits.CHUNK + limits.TAG):
            raise DecryptionError
        plain = self._key.open_chunk(self._counter, sealed, last=last)
        if not self._counter:
            try:
                self._left = padding.read_prefix(plain, self._stream.padded_size, payload=self._payload)
            except MalformedError:
                raise DecryptionError from None
            plain = plain[padding.PREFIX :]
        if plain[self._left :] != bytes(max(0, len(plain) - self._left)):
            raise DecryptionError
        self._counter += 1
        data = plain[: self._left]
        self._left -= len(data)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentInfo:
    """What the sender says of an attachment: untrusted text; `size` in bytes is checked on opening."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """The case message as its author wrote it, and what it says of its attachments."""

    content: bytes
    attachments: tuple[AttachmentInfo, ...]


def read_payload(core: Core, data: bytes) -> Inner:
    """The data of stream 0, if its author sealed it for just this header (threats E1, E2)."""
    try:
        inner = wire.parse(envelope_pb2.Payload, data, cap=limits.PAYLOAD_PADDED)
        infos = tuple(
            AttachmentInfo(name=a.name, media_type=a.media_type, size=a.size) for a in inner.attachments
        )
        sizes = [padding.padded_size(info.size, payload=False) for info in infos]
    except (MalformedError, LimitError):
        raise DecryptionError from None
    if not says_the_same(inner, core) or sizes != [one.padded_size for one in core.streams[1:]]:
        raise DecryptionError
    return Inner(content=inner.content, attachments=infos)


def says_the_same(inner: envelope_pb2.Payload, core: Core) -> bool:
    """Whether it names the message, the sender and the recipients of this header."""
    return (
        equal(inner.message_ref, core.message_ref)
        and inner.sender == core.sender
        and list(inner.recipients) == [recipient.member for recipient in core.recipients]
    )
