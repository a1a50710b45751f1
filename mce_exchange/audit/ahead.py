"""Signatures verified on all processors, a little ahead of who judges them one by one in log order.

The libraries let go of the interpreter while they verify. Nothing is decided here: an answer is kept
beside the Statement's bytes, and who judges asks for it.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.keys import PublicKey
from mce_exchange.statement import Statement

_T = TypeVar("_T")
_PROCESSORS: Final = os.cpu_count() or 1
# A job costs as much as a few signatures, so it has many; so many jobs wait that no processor does.
_GROUP: Final = 32
_GROUPS_AHEAD: Final = 2 * _PROCESSORS
_BYTES_AHEAD: Final = 2 * limits.MIB


def ahead(
    items: Iterable[_T],
    work: Callable[[Sequence[_T]], Callable[[], None]],
    size: Callable[[_T], int],
) -> Iterator[_T]:
    """The items in order. `work` of a group is asked for here and run in a thread before they come out.

    `size` in bytes bounds what is held. What `items` raises is raised after the items before it.
    """
    source = _Groups(items, size)
    group, bytes_ = source.next()
    if source.ended:
        # A small file starts no thread.
        yield from group
        source.end()
        return
    with ThreadPoolExecutor(_PROCESSORS, "signatures") as pool:
        waiting: deque[tuple[Sequence[_T], int, Future[None]]] = deque()
        held = 0
        while group or waiting:
            while group and len(waiting) < _GROUPS_AHEAD and held < _BYTES_AHEAD:
                waiting.append((group, bytes_, pool.submit(work(group))))
                held += bytes_
                group, bytes_ = source.next()
            done, gone, future = waiting.popleft()
            held -= gone
            future.result()
            yield from done
    source.end()


class _Groups(Generic[_T]):
    """The items in groups, none after the first error."""

    def __init__(self, items: Iterable[_T], size: Callable[[_T], int]) -> None:
        self._items = iter(items)
        self._size = size
        self._error: Exception | None = None
        self.ended = False

    def next(self) -> tuple[list[_T], int]:
        """The next ones and their bytes; none at the end."""
        found: list[_T] = []
        bytes_ = 0
        while not self.ended and len(found) < _GROUP and bytes_ < _BYTES_AHEAD // _GROUPS_AHEAD:
            try:
                found.append(next(self._items))
            except StopIteration:
                self.ended = True
            except Exception as error:
                self._error = error
                self.ended = True
            else:
                bytes_ += self._size(found[-1])
        return found, bytes_

    def end(self) -> None:
        """Raise what ended it, if that was not its end."""
        if self._error is not None:
            raise self._error


def verifying(
    found: Iterable[Statement], network_id: bytes, find_key: Callable[[bytes], PublicKey | None]
) -> Callable[[], None]:
    """Work that verifies each block whose key is known now; a key that comes later is for who judges."""
    known = [
        (one, block, key)
        for one in found
        for block in one.blocks
        if (key := find_key(block.signer)) is not None
    ]

    def run() -> None:
        for one, block, key in known:
            statements.holds(one, block, key, network_id)

    return run
