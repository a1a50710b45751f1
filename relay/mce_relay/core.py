"""The relay's core: what the service asks, in bytes, behind one object.

Submitting and publishing go through the sequencer's one writer thread; reading uses connections of
its own. Bad input gives `RefusedError` (reason of `relay.proto`, lower case), never anything else;
`StoreError` says that the relay's own disk failed and nothing was promised.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle

from mce_relay.values import (
    AttachmentState,
    Batch,
    EnvelopeIn,
    Metrics,
    NoMetrics,
    Outcome,
    PublishIn,
    RelayKeys,
    Settings,
)


class Core:
    """One relay over one data folder (created 0700). Call `start`, then anything, then `close`."""

    def __init__(
        self,
        *,
        data: Path,
        genesis: Bundle,
        keys: RelayKeys,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
    ) -> None:
        self._data = data
        self._genesis = genesis
        self._keys = keys
        self._settings = settings or Settings()
        self._clock = clock
        self._metrics = metrics or NoMetrics()

    @property
    def state(self) -> PublicState:
        """The public state as of the last commit."""
        raise NotImplementedError

    async def start(self) -> None:
        """Open the store, check it against its last checkpoint, and begin; `StoreError`, `DirectoryError`."""
        raise NotImplementedError

    async def drain(self) -> None:
        """Take no new work, commit all that waits, and wake everybody who waits for the log to grow."""
        raise NotImplementedError

    async def close(self) -> None:
        """Drain and let go of the files."""
        raise NotImplementedError

    async def submit(self, member: str, envelopes: Sequence[EnvelopeIn]) -> list[Outcome]:
        """One outcome an envelope, in their order."""
        raise NotImplementedError

    async def publish(self, author: str, statements: Sequence[PublishIn]) -> list[Outcome]:
        """The same for other Statements. `author` is whose door they came through: a member or the relay."""
        raise NotImplementedError

    async def attachment_status(self, member: str, root: bytes) -> AttachmentState:
        """How much of its own upload a member may go on from; nothing held is 0."""
        raise NotImplementedError

    async def put_attachment(
        self, member: str, *, root: bytes, size: int, offset: int, data: bytes
    ) -> AttachmentState:
        """Take one part; `RefusedError` "wrong_offset" unless it starts where the held bytes end."""
        raise NotImplementedError

    async def attachment(self, member: str, root: bytes) -> tuple[bytes, int]:
        """Leaf hashes and size in bytes; "not_found" unless `member` is a party and it is held."""
        raise NotImplementedError

    async def attachment_part(self, member: str, root: bytes, offset: int) -> bytes:
        """At most `limits.PART` bytes from `offset` on, empty at the end."""
        raise NotImplementedError

    async def read(self, member: str, from_index: int, *, max_bytes: int = 1024 * 1024) -> Batch | None:
        """What `member` may see from an index on; None if there is nothing yet."""
        raise NotImplementedError

    async def wait(self, index: int) -> None:
        """Return once the log has more than `index` entries, or the relay drains."""
        raise NotImplementedError

    async def directories(self, from_version: int) -> list[tuple[int, Bundle]]:
        """Log index and bundle of each version from one on."""
        raise NotImplementedError

    async def prekeys(self, members: Sequence[str]) -> list[tuple[int, bytes]]:
        """Log index and Statement of each member's newest prekey; members without one are left out."""
        raise NotImplementedError

    async def entries(self, from_index: int, count: int) -> bytes:
        """Up to `count` entries of 34 bytes."""
        raise NotImplementedError

    async def statements(self, member: str, indices: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of the Statements that exist and that `member` may see."""
        raise NotImplementedError

    def checkpoint(self) -> bytes:
        """The newest checkpoint: a signed note."""
        raise NotImplementedError

    async def anchor(self, min_size: int) -> bytes:
        """The oldest anchor of at least this tree size, the newest for 0; "not_found"."""
        raise NotImplementedError

    async def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """RFC 6962 inclusion proof; "not_found" outside the log."""
        raise NotImplementedError

    async def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """RFC 6962 consistency proof; "not_found" outside the log."""
        raise NotImplementedError

    def member_of(self, certificate: bytes) -> str | None:
        """Whose certificate (DER) this is: a member's or the relay's own id; None for a stranger's."""
        raise NotImplementedError

    def doors(self) -> tuple[bytes, ...]:
        """All admitted certificates (DER); another tuple after they changed."""
        raise NotImplementedError
