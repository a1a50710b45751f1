"""A log goes on under the keys that a Directory gives it to: another operator's, or new ones (SPEC 9.10).

Nobody else could log that Directory: the keys before it may not sign the tree that holds it.
"""

from collections.abc import Sequence

from mce_exchange.directory.records import Bundle
from mce_exchange.log.checkpoint import size_of
from mce_exchange.statement import decode
from mce_relay.boot import logged_directory, read
from mce_relay.hand import may_serve
from mce_relay.known import Known
from mce_relay.store.protocol import Store
from mce_relay.values import Metrics, RelayKeys


def adopt(
    store: Store,
    genesis: Bundle,
    keys: RelayKeys,
    metrics: Metrics,
    succession: Sequence[Bundle],
    known: Known,
) -> int:
    """Take a copied log for the newest there is, and log what it lacks of the Directories; its size.

    The last of them gives the log to `keys`. The store is open and the log is checked as at every start. All
    of them are logged, or none: raises `DirectoryError` for one that does not follow, `UsageError` if the log
    is not given to these keys, `StoreError` if without them an anchor is known that the log lacks.
    """
    state, tree = read(store, genesis, metrics)
    if not succession and not known.missing():
        known.check(state, tree, anchored=False)
    network_id = state.directory.network_id
    with store.write() as tx:
        last, size = tx.checkpoint(), tree.size
        for bundle in succession:
            if tx.find(decode(bundle.statement).id(network_id)) is not None:
                continue
            state = state.after(bundle.statement, members=bundle.members, index=size)
            tx.append(logged_directory(bundle, index=size, network_id=network_id), ())
            size += 1
        may_serve(keys, state.directory, size)
        tx.put_successor(None)
        if last is not None and size > tree.size:
            # Who has read no further than this one knows no newer key (see `views`).
            tx.put_ended(size_of(last), last)
        anchor = tx.anchor(0)
    if anchor is not None:
        # What was anchored above this copy, by a key that has ended, counts no more.
        known.keep(anchor)
    return size
