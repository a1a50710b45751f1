"""Whether what the store gives back is what was logged (threat L5)."""

from mce_exchange import statement as statements
from mce_exchange.errors import ProtocolError
from mce_exchange.log import merkle
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.v1 import directory_pb2
from mce_relay.store.protocol import Logged


def is_deleted(logged: Logged, kept_from: int) -> bool:
    """Whether its bytes were deleted on purpose: private ones below `kept_from`, whose entries stay."""
    return not logged.statement and not logged.public and logged.index < kept_from


def is_whole(logged: Logged) -> bool:
    """The Statement is the one that the entry commits to, and a Directory's records are the ones it names."""
    try:
        if not equal(LogEntry.decode(logged.entry).digest, sha256(logged.statement)):
            return False
        statement = statements.decode(logged.statement)
        if statement.type != statements.DIRECTORY:
            return not logged.members
        named = statements.body(statement, directory_pb2.Directory).members_root
    except ProtocolError:
        return False
    return equal(merkle.root(map(merkle.leaf_hash, logged.members)), named)
