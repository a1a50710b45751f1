"""What waits for the writer: each member's work in its order, the members in turn.

So nobody waits behind another's thousand (threats H3, H4). How much of a member may wait at all is the
gate's business.
"""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Final

GROUP: Final = 128
"""Most pieces of work in one transaction: it bounds what a failed commit makes others send again, and with
the group that is ready behind it how many go before whoever comes."""
GROUP_BYTES: Final = 16 * 1024 * 1024
"""Bytes after which a group is full: it bounds how long a commit keeps the others waiting."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work of `author`, about so many bytes, what becomes of it, and what may be done before."""

    work: Any
    future: Any
    author: str = ""
    size: int = 0
    ahead: Any = None


class Turns:
    """A queue between any threads and the one that takes."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._changed = threading.Condition()
        self._ended = False

    def put(self, job: Job) -> None:
        """Last of its author's."""
        with self._changed:
            self._waiting.setdefault(job.author, deque()).append(job)
            self._changed.notify()

    def end(self) -> None:
        """Nothing more is put."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> tuple[list[Job], bool]:
        """The next group, at once if anything waits; and whether it is the last."""
        jobs: list[Job] = []
        size = 0
        with self._changed:
            while not self._waiting and not self._ended:
                self._changed.wait()
            while self._waiting and len(jobs) < GROUP and size < GROUP_BYTES:
                author, waiting = self._waiting.popitem(last=False)
                jobs.append(waiting.popleft())
                size += jobs[-1].size
                if waiting:
                    self._waiting[author] = waiting
            return jobs, self._ended and not self._waiting
