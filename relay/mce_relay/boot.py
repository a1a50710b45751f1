"""How a relay comes to its committed head: rebuild the tree and compare it, before anything is signed.

A log that is not the one whose checkpoint was signed last would sign a fork: the relay refuses to
start instead (threats L4, L5).
"""

from typing import Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory.model import FEDERATION, Directory
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.directory.trust import network_id_of
from mce_exchange.errors import DirectoryError, LogError, MceError, ProtocolError, StoreError
from mce_exchange.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint, size_of
from mce_exchange.log.entry import LogEntry, leaf_hashes
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import equal
from mce_relay.hand import may_serve, serving
from mce_relay.sequencer import Head
from mce_relay.store.protocol import RESTORE, Logged, Reader, Store
from mce_relay.values import Metrics, RelayKeys
from mce_relay.whole import is_whole

_RANGE: Final = limits.ENTRIES_PER_CALL


def start(store: Store, genesis: Bundle, keys: RelayKeys, metrics: Metrics) -> tuple[Head, Tree, str]:
    """The committed head, its tree, and the relay's own id. The store is open.

    Raises `DirectoryError` for a genesis that does not hold, `UsageError` for keys that are not the
    Directory's, `StoreError` for a log that does not hold.
    """
    state, tree = read(store, genesis, metrics)
    keys = serving(keys, state.directory, tree.size)
    relay = may_serve(keys, state.directory, tree.size)
    checkpoint = Checkpoint(state.directory.origin, tree.size, tree.root())
    with store.read() as reader:
        given = reader.successor()
    successor = Bundle.decode(given) if given else None
    return Head(state, checkpoint, sign_checkpoint(checkpoint, keys.log_ed25519), successor), tree, relay


def read(store: Store, genesis: Bundle, metrics: Metrics) -> tuple[PublicState, Tree]:
    """The log as it stands, held against what was signed; begun with the genesis if there is none."""
    first = statements.decode(genesis.statement)
    network_id = network_id_of(first.body)
    opened = PublicState.genesis(genesis, network_id=network_id)
    with store.write() as tx:
        if tx.size() == 0 and tx.checkpoint() is None:
            tx.append(logged_directory(genesis, index=0, network_id=network_id), ())
    with store.read() as reader:
        kept = reader.logged(0)
        if kept is None:
            raise StoreError("the log has lost its beginning", remedy=RESTORE)
        if kept.id != first.id(network_id):
            raise StoreError(
                "this data folder holds the log of another network",
                remedy="name the genesis that the folder was begun with",
            )
        _vouch(kept)
        tree = _tree(reader)
        state = _state(reader, opened, tree.size, metrics)
        _compare(reader, tree, state.directory)
    return state, tree


def logged_directory(bundle: Bundle, *, index: int, network_id: bytes) -> Logged:
    """A Directory as the log has it."""
    statement = statements.decode(bundle.statement)
    return Logged(
        index=index,
        entry=LogEntry(public=True, digest=statement.digest).encode(),
        id=statement.id(network_id),
        public=True,
        author=FEDERATION,
        statement=bundle.statement,
        members=tuple(bundle.members),
    )


def _tree(reader: Reader) -> Tree:
    tree = Tree()
    size = reader.size()
    while data := reader.entries(tree.size, _RANGE):
        tree.extend(leaf_hashes(data))
    if tree.size != size:
        raise StoreError(f"the log has {tree.size} entries and its last index is {size - 1}", remedy=RESTORE)
    return tree


def _compare(reader: Reader, tree: Tree, directory: Directory) -> None:
    note = reader.checkpoint()
    checked = 0
    if note is not None:
        try:
            size = size_of(note)
            last = open_checkpoint(note, origin=directory.origin, key=directory.log_key(size))
        except MceError as error:
            raise StoreError(f"the last stored checkpoint does not hold: {error}", remedy=RESTORE) from error
        if last.size > tree.size or not equal(tree.root(last.size), last.root):
            raise StoreError(
                f"the log of {tree.size} entries is not the one signed at size {last.size}",
                remedy=f"{RESTORE}; never let this one be signed",
            )
        checked = last.size
    # Above the last checkpoint only the Statements themselves can vouch for their entries.
    for logged in reader.walk(checked, tree.size, member=None, private=True):
        _vouch(logged)


def _state(reader: Reader, state: PublicState, size: int, metrics: Metrics) -> PublicState:
    for logged in reader.walk(1, size, member=None, private=False):
        _vouch(logged)
        try:
            state = state.after(logged.statement, members=logged.members, index=logged.index)
        except (ProtocolError, DirectoryError, LogError):
            # As every other reader of the log does: a public entry that does not hold halts nobody.
            metrics.count("public_entries_passed_over")
    return state.skipped(size)


def _vouch(logged: Logged) -> None:
    if not is_whole(logged):
        raise StoreError(f"the Statement at log index {logged.index} is not the one logged", remedy=RESTORE)
