"""Which of the keys at hand serve a log: those of now, or the next ones, once a Directory names them."""

from mce_exchange.directory.model import Directory, Kind
from mce_exchange.errors import UsageError
from mce_relay.values import RelayKeys


def may_serve(keys: RelayKeys, directory: Directory, size: int) -> str:
    """The relay's id in the Directory, if these very keys may sign at this tree size; else `UsageError`."""
    holder = directory.holders.get(keys.signing.public.id)
    if holder is None or holder.kind is not Kind.RELAY or not directory.lives(holder.key.life, size):
        raise UsageError(f"the relay's signing key is not a relay's in Directory version {directory.version}")
    if directory.log_key(size) != keys.log:
        raise UsageError(f"the log's keys are not those of Directory version {directory.version}")
    return holder.id


def serving(keys: RelayKeys, directory: Directory, size: int) -> RelayKeys:
    """These keys or the next ones, whichever may sign at this tree size; `UsageError` if neither may."""
    try:
        may_serve(keys, directory, size)
    except UsageError:
        if keys.next is None:
            raise
        may_serve(keys.next, directory, size)
        return keys.next
    return keys
