"""Message ids as people and programs write them: hex."""

from typing import Final

from mce_exchange import limits
from mce_exchange.errors import UsageError

HEX: Final = frozenset("0123456789abcdef")


def read_id(text: str) -> bytes:
    """A header id (32 bytes) from its hex digits; `UsageError` for anything else."""
    if not isinstance(text, str) or len(text) != 2 * limits.HASH or not HEX.issuperset(text.lower()):
        raise UsageError(f"an id has {2 * limits.HASH} hex digits")
    return bytes.fromhex(text)
