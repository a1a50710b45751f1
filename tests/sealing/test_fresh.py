"""Nothing is drawn twice: not by a fork, not by a machine that was cloned (threat E11).

The cheap part, content key and message reference, is drawn 100,000 times in processes forked from one
state, as clones of a machine are; whole messages are sealed 2,000 times and wraps made 800 times.
"""

import inspect
import os
from collections.abc import Callable

from mce_exchange import limits
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.sealing import seal_streams

CLONES = 4
KEY = kem.KemKey(b"k" * 32)
DRAW: Callable[[int], bytes] = inspect.signature(seal_streams).parameters["random"].default


def cloned(work: Callable[[], bytes]) -> bytes:
    """What each of the clones of this process makes, all together."""
    pipes = []
    for _ in range(CLONES):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            code = 1
            try:
                os.close(reading)
                with os.fdopen(writing, "wb") as out:
                    out.write(work())
                code = 0
            finally:
                os._exit(code)
        os.close(writing)
        pipes.append((child, reading))
    made = []
    for child, reading in pipes:
        with os.fdopen(reading, "rb") as source:
            made.append(source.read())
        assert os.waitpid(child, 0)[1] == 0
    return b"".join(made)


def distinct(data: bytes, size: int, expected: int) -> bool:
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    return len(pieces) == expected == len(set(pieces))


def test_e11_a_hundred_thousand_draws_in_clones_repeat_nothing() -> None:
    DRAW(1)
    each = 25_000

    def draws() -> bytes:
        return b"".join(DRAW(kem.CONTENT_KEY) + DRAW(limits.HASH) for _ in range(each))

    assert distinct(cloned(draws), 32, 2 * each * CLONES)


def test_e11_sealed_by_clones_no_key_no_reference_and_no_ciphertext_repeats() -> None:
    each = 500

    def seals() -> bytes:
        made = [seal_streams(sender="be", recipients=["pt"], content=b"x") for _ in range(each)]
        return b"".join(one.content_key + one.message_ref + one.secrets[0] + one.payload[:32] for one in made)

    assert distinct(cloned(seals), 32, 4 * each * CLONES)


def test_e11_no_encapsulation_repeats_in_clones() -> None:
    each = 200

    def wraps() -> bytes:
        return b"".join(kem.wrap(bytes(32), KEY.public, b"")[:1120] for _ in range(each))

    assert distinct(cloned(wraps), 1120, each * CLONES)


def test_e11_no_two_chunks_of_a_stream_share_a_nonce() -> None:
    key = StreamKey(bytes(32))
    chunks = {key.seal_chunk(i, bytes(64), last=last) for i in range(1000) for last in (False, True)}
    assert len(chunks) == 2000
