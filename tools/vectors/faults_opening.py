"""Faults that show once a private key is in play: all of them are `decryption` (SPEC 5.3, 6, 7)."""

from mce_exchange import limits
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.v1 import envelope_pb2
from tools.vectors import raw
from tools.vectors.envelope_base import CHUNK, SEALED_CHUNK, Base, Stream, padded, right_nonce
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault, Faults
from tools.vectors.world import ATTACHMENT, CONTENT_KEY, MESSAGE_REF, seed

KIB = 1024
PAYLOAD = 8 * KIB
SIZE = 512 * KIB


def _fault(name: str, says: str, section: str, **given: object) -> Fault:
    return Fault(name=f"opening-{name}", expect="decryption", section=section, says=says, input=given)


def plaintext(base: Base) -> bytes:
    """The Payload of the good envelope."""
    made = envelope_pb2.Payload(
        message_ref=MESSAGE_REF, sender="be", recipients=["es", "pt"], content=base.content
    )
    made.attachments.add(name="photograph.jpg", media_type="image/jpeg", size=len(ATTACHMENT))
    return made.SerializeToString(deterministic=True)


def commitments(base: Base) -> Faults:
    """One ciphertext, one plaintext."""
    for place in (0, 1):
        core = raw.change(base.core, ((8, place),), raw.put(3, seed("another commitment")))
        says = f"the commitment of stream {place} is another key's"
        yield _fault(f"commitment-{place}", says, "6.1", **base.sealed_again(core))
    swapped = base.core_with(
        (raw.put(3, base.sealed.header.core.streams[1].commitment), ((8, 0),)),
        (raw.put(3, base.sealed.header.core.streams[0].commitment), ((8, 1),)),
    )
    yield _fault(
        "commitments-swapped", "the commitments of two streams swapped", "6.1", **base.sealed_again(swapped)
    )
    other = raw.change(base.core, (), raw.put(3, seed("another message_ref")))
    yield _fault(
        "message-ref-of-another", "the streams are another message's", "6.1", **base.sealed_again(other)
    )


def payloads(base: Base) -> Faults:
    """The payload's ciphertext."""
    good = base.sealed.payload

    def fault(name: str, says: str, **given: object) -> Fault:
        # The relay's fault, which no key is needed for.
        return Fault(name=f"payload-{name}", expect="context", section="5.3", says=says, input=given)

    def sealed(name: str, says: str, made: Stream, section: str = "6.2") -> Fault:
        core = base.stream_core(0, made)
        return _fault(f"payload-{name}", says, section, **base.sealed_again(core), payload=made.sealed)

    yield fault("bit-flipped", "one bit flipped", payload=good[:100] + bytes([good[100] ^ 1]) + good[101:])
    yield fault("tag-bit-flipped", "one bit of the tag flipped", payload=good[:-1] + bytes([good[-1] ^ 1]))
    yield fault("cut", "a byte short", payload=good[:-1])
    yield fault("longer", "a byte too long", payload=good + b"\0")
    yield fault("empty", "no byte", payload=b"")
    root = raw.change(base.core, ((8, 0),), raw.put(1, seed("another root")))
    yield fault("root", "the header's root is another ciphertext's", **base.sealed_again(root))
    twice = raw.change(base.core, ((8, 0),), raw.put(2, 2 * PAYLOAD))
    yield fault("size", "the header says twice the size", **base.sealed_again(twice))
    data = plaintext(base)
    plain = padded(data, PAYLOAD)
    yield sealed(
        "nonce-without-last",
        "its only chunk is not sealed as the last",
        Stream(0, plain, lambda c, _: right_nonce(c, last=False)),
    )
    yield sealed(
        "nonce-from-1",
        "its chunks are counted from 1",
        Stream(0, plain, lambda c, last: right_nonce(c + 1, last)),
    )
    little = Stream(0, plain, lambda c, last: bytes([last]) + c.to_bytes(11, "little"))
    yield sealed("nonce-little-endian", "the nonce is the flag, then the counter", little)
    yield sealed("key-of-stream-1", "sealed under another stream's key", Stream(0, plain, key=stream_key(1)))
    yield sealed("key-is-the-content-key", "sealed under the content key", Stream(0, plain, key=CONTENT_KEY))
    long = padded(data, PAYLOAD, length=PAYLOAD)
    yield sealed("length-beyond", "a length beyond the plaintext", Stream(0, long), "6.3")
    huge = padded(data, PAYLOAD, length=2**64 - 1)
    yield sealed("length-2-64-1", "a length of 2^64 - 1", Stream(0, huge), "6.3")
    yield sealed(
        "padded-twice", "data that pads to half the size", Stream(0, padded(data, 2 * PAYLOAD)), "6.3"
    )
    yield sealed("padding-1", "a byte of padding that is 1", Stream(0, plain[:-1] + b"\1"), "6.3")
    first = 8 + len(data)
    yield sealed(
        "padding-begins-with-1",
        "the first byte of padding is 1",
        Stream(0, plain[:first] + b"\1" + plain[first + 1 :]),
        "6.3",
    )
    yield sealed(
        "length-one-less",
        "a length one too small: the last byte is padding",
        Stream(0, padded(data, PAYLOAD, length=len(data) - 1)),
        "6.3",
    )


def contradictions(base: Base) -> Faults:
    """What the payload says, and what the header says."""
    data = plaintext(base)

    def fault(name: str, says: str, how: raw.Change, *path: tuple[int, int], section: str = "7") -> Fault:
        made = Stream(0, padded(raw.change(data, path, how), PAYLOAD))
        core = base.stream_core(0, made)
        return _fault(f"inner-{name}", says, section, **base.sealed_again(core), payload=made.sealed)

    yield fault("message-ref", "another message_ref inside", raw.put(1, seed("another message_ref")))
    yield fault("sender", "another sender inside", raw.put(2, b"pt"))
    yield fault("recipient", "another recipient inside", raw.put(3, b"audit", 1))
    yield fault("recipients-fewer", "one recipient fewer inside", raw.drop(3, 1))
    yield fault("recipients-more", "one recipient more inside", raw.put(3, b"audit", 2))
    yield fault("recipients-swapped", "the recipients in another order inside", raw.swap(3))
    yield fault("attachments-none", "no attachment described, one there", raw.drop(5))
    yield fault("attachments-two", "two attachments described, one there", raw.again(5))
    yield fault("attachment-size", "a size that pads to another", raw.put(3, 600 * KIB), (5, 0))
    most = limits.ATTACHMENT_PADDED
    yield fault("attachment-size-most", "a size that, padded, is above the cap", raw.put(3, most), (5, 0))
    yield fault("unknown-field", "an unknown field", raw.append(raw.varint(6 << 3) + b"\1"), section="4.1")
    yield fault("out-of-order", "fields in descending order", raw.swap(1), section="4.1")
    yield fault(
        "sender-not-minimal",
        "a length in two bytes",
        raw.literally(2, b"\x12" + raw.varint(2, longer=1) + b"be"),
        section="4.1",
    )
    yield fault("group", "a group", raw.append(b"\x33\x34"), section="4.1")
    for message, title, path in (("Payload", "payload", ()), ("AttachmentInfo", "attachment", ((5, 0),))):
        for name, _, says, how in variants(message, raw.value(data, *path)):
            # The others as for the header's own fields: each costs a signature and two wraps.
            if name.endswith(("-twice", "-too-short")) or name == "content-too-long":
                continue
            yield fault(f"{title}-{name}", f"{message}.{says}", how, *path, section="10")
    content = padded(raw.change(data, (), raw.put(4, bytes(limits.CONTENT + 1))), limits.PAYLOAD_PADDED)
    made = Stream(0, content)
    core = base.stream_core(0, made)
    yield _fault(
        "inner-payload-content-too-long",
        "Payload.content is a byte longer than its bound",
        "10",
        **base.sealed_again(core),
        payload=made.written,
    )


def attachments(base: Base) -> Faults:
    """The attachment's ciphertext, of two chunks."""
    good = base.attachment

    def fault(name: str, says: str, data: bytes) -> Fault:
        return _fault(f"attachment-{name}", says, "6.2", attachments=[data])

    def sealed(name: str, says: str, made: Stream, section: str = "6.2") -> Fault:
        core = base.stream_core(1, made)
        return _fault(
            f"attachment-{name}", says, section, **base.sealed_again(core), attachments=[made.written]
        )

    first, last = good[:SEALED_CHUNK], good[SEALED_CHUNK:]
    yield fault("bit-flipped", "one bit flipped", good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    yield fault("chunks-swapped", "its chunks in another order", last + first)
    yield fault("first-chunk-twice", "its first chunk in the place of the last", first + first)
    yield fault("last-chunk-missing", "cut off behind a chunk", first)
    yield fault("first-chunk-missing", "its beginning cut off", last)
    yield fault("cut", "a byte short", good[:-1])
    yield fault("longer", "a byte too long", good + b"\0")
    plain = padded(ATTACHMENT, SIZE)
    swapped = Stream(1, plain)
    swapped.parts.reverse()
    core = base.stream_core(1, swapped)
    yield _fault(
        "attachment-signed-chunks-swapped",
        "chunks swapped before the root was made",
        "6.2",
        **base.sealed_again(core),
        attachments=[last + first],
    )
    yield sealed(
        "signed-never-last",
        "no chunk is sealed as the last",
        Stream(1, plain, lambda c, _: right_nonce(c, last=False)),
    )
    yield sealed(
        "signed-always-last",
        "every chunk is sealed as the last",
        Stream(1, plain, lambda c, _: right_nonce(c, last=True)),
    )
    yield sealed(
        "signed-one-counter",
        "every chunk has counter 0",
        Stream(1, plain, lambda _, last: right_nonce(0, last)),
    )
    yield _truncated(base)
    yield sealed("signed-padding-1", "a byte of padding that is 1", Stream(1, plain[:-1] + b"\1"), "6.3")
    yield sealed(
        "signed-length-less",
        "a size that the payload does not say",
        Stream(1, padded(ATTACHMENT[:-1], SIZE)),
        "7",
    )
    yield sealed(
        "signed-length-beyond",
        "a length beyond the plaintext",
        Stream(1, padded(ATTACHMENT, SIZE, length=SIZE)),
        "6.3",
    )
    yield sealed(
        "signed-padded-twice",
        "data that pads to half the size",
        Stream(1, padded(bytes(ATTACHMENT[:200_000]), SIZE)),
        "6.3",
    )


def _truncated(base: Base) -> Fault:
    # The payload describes what the first chunk alone would hold, so that only its nonce tells.
    size = 200_000
    half = Stream(1, padded(ATTACHMENT[:size], CHUNK), lambda c, _: right_nonce(c, last=False))
    said = raw.change(plaintext(base), ((5, 0),), raw.put(3, size))
    payload = Stream(0, padded(said, PAYLOAD))
    core = raw.change(base.stream_core(0, payload), ((8, 1),), raw.put(1, half.root))
    core = raw.change(core, ((8, 1),), raw.put(2, half.padded_size))
    return _fault(
        "attachment-signed-truncated",
        "an inner chunk that who signed made the last",
        "6.2",
        **base.sealed_again(core),
        payload=payload.sealed,
        attachments=[half.written],
    )


def stream_key(index: int) -> bytes:
    """Of the good message."""
    return stream_keys(stream_secret(CONTENT_KEY, MESSAGE_REF, index))[0]
