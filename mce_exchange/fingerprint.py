"""A 32-byte fingerprint as people compare it: hex, 24 words (BIP 39's English list), QR."""

import io
from functools import cache

import segno
from mnemonic import Mnemonic

from mce_exchange import limits
from mce_exchange.errors import UsageError


@cache
def _list() -> Mnemonic:
    return Mnemonic("english")


def words(fingerprint: bytes) -> str:
    """24 words; the last one holds a checksum, so a word misheard is noticed."""
    return str(_list().to_mnemonic(fingerprint))


def read_fingerprint(text: str) -> bytes:
    """From 64 hex digits or 24 words; `UsageError` for anything else."""
    try:
        if len(text.split()) > 1:
            found = bytes(_list().to_entropy(" ".join(text.lower().split())))
        else:
            found = bytes.fromhex(text.strip())
    except (ValueError, LookupError):
        raise UsageError("not a fingerprint: 64 hex digits, or 24 words") from None
    if len(found) != limits.HASH:
        raise UsageError(f"a fingerprint has {limits.HASH} bytes, not {len(found)}")
    return found


def qr(fingerprint: bytes) -> str:
    """A QR code of the hex digits, in block characters for a terminal."""
    drawn = io.StringIO()
    segno.make(fingerprint.hex(), error="m").terminal(out=drawn, compact=True)
    return drawn.getvalue()
