"""Freeing a home's disk of what nothing needs any more, while its node runs or not."""

from mce_exchange import statement as statements
from mce_exchange.header import read_header
from mce_exchange.store.home import Home


def tidy(home: Home) -> int:
    """Remove abandoned parts and the attachments of no message; the bytes that were freed."""
    # What a command or a node is at work on now is in no message yet, and younger than a week.
    rows = home.database.each("SELECT statement FROM message")
    headers = (read_header(statements.decode(bytes(row[0]))) for row in rows)
    needed = {stream.root for header in headers for stream in header.core.streams[1:]}
    freed = home.attachments.tidy(needed=needed)
    home.database.scrub()
    return freed
