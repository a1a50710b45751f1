"""Anchors known outside the data folder: a log that lacks one is not appended to (SPEC 9.3, threat L3).

A restored copy of the folder is whole by itself: only what others were given shows that it is old. The
operator keeps the newest anchor in a file of its own, written before the anchor is given out, and members
show the one they hold whenever they ask for a checkpoint.
"""

from pathlib import Path
from typing import Final

from mce_exchange.directory.public import PublicState
from mce_exchange.errors import LogError, ProtocolError, StoreError
from mce_exchange.keyfile import replace_file
from mce_exchange.log.checkpoint import read_checkpoint
from mce_exchange.log.merkle import Tree
from mce_exchange.log.note import parse
from mce_exchange.primitives.verify import equal
from mce_relay.store.protocol import RESTORE

_NEVER: Final = f"{RESTORE}; this one must never be served"


class Known:
    """The operator's file, if there is one."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def check(self, state: PublicState, tree: Tree, *, anchored: bool) -> None:
        """Raise `StoreError` if the log is not the one that was anchored last, or nobody can tell.

        `anchored`: the log itself holds anchors, so that a file has been written.
        """
        if self._file is None:
            return
        try:
            note = self._file.read_bytes()
        except FileNotFoundError:
            if anchored:
                raise StoreError(
                    f"{self._file} is gone, which held the newest anchor: was the data folder restored?",
                    remedy="put the file back; or, if this copy is the newest there is, `mce-relay adopt` it",
                ) from None
            return
        except OSError as error:
            raise StoreError(f"cannot read {self._file}: {error.strerror}") from None
        try:
            lacking = lacks(note, state, tree)
        except (ProtocolError, LogError) as error:
            text = f"the anchor in {self._file} is not of this log, or of a newer one: {error}"
            raise StoreError(text, remedy=_NEVER) from error
        if lacking is not None:
            raise lacking

    def keep(self, note: bytes) -> None:
        """The newest anchor, durable before anybody is shown it."""
        if self._file is not None:
            replace_file(self._file, note)

    def missing(self) -> bool:
        """Whether there should be a file and is none."""
        return self._file is not None and not self._file.exists()


def lacks(note: bytes, state: PublicState, tree: Tree) -> StoreError | None:
    """Why this log must not go on, if a genuine anchor of it shows that it was longer or another.

    Raises `ProtocolError` or `LogError` for what is no anchor of this log: it shows nothing.
    """
    claimed = read_checkpoint(parse(note).text)
    if claimed.size <= tree.size and equal(tree.root(claimed.size), claimed.root):
        return None
    # Only a note that would stop the relay is worth its signatures; whoever made one holds the log's keys.
    anchor = state.open_anchor(note)
    if anchor.checkpoint.size > tree.size:
        text = f"this log has {tree.size} entries, and an anchor of {anchor.checkpoint.size} was given out"
    else:
        text = f"this log is not the one that was anchored at {anchor.checkpoint.size} entries"
    return StoreError(text, remedy=_NEVER)
