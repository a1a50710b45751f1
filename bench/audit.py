"""Auditing a log: a monitor and a long evidence file, beside nothing but the signatures on all processors.

The entries are daily marks, the cheapest Statements there are, so what is not signatures shows most.
"""

import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from bench.frame import MIB, Goal, Plain, Scale, Table, interleave, number
from bench.memory import measured
from mce_exchange import statement
from mce_exchange.audit.build import Piece, build
from mce_exchange.audit.terms import Rules
from mce_exchange.audit.verify import Reading
from mce_exchange.audit.watch import Entry, Watch
from mce_exchange.keys import PublicKey
from mce_exchange.log.entry import LogEntry
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2
from tests.federation import Federation

ENTRIES: Final = 100_000
_FEW: Final = 10_000
_GROUP: Final = 32
_PROCESSORS: Final = os.cpu_count() or 1


class Log:
    """A federation's log with so many marks of `be` to `pt`."""

    def __init__(self, entries: int) -> None:
        self.federation = Federation()
        key = self.federation.people["be"].key
        self.key: PublicKey = key.public

        def signed(sequence: int) -> bytes:
            body = statement_pb2.HighWater(
                signers=[key.public.id],
                sender="be",
                recipient="pt",
                sequence=sequence,
                header_id=bytes(32),
                log_size=1,
                log_root=self.federation.tree.root(1),
            )
            return self.federation.sign("high-water", body.SerializeToString(), key).raw

        with ThreadPoolExecutor(_PROCESSORS) as pool:
            for raw in pool.map(signed, range(1, 1 + entries), chunksize=_GROUP):
                self.federation.log(raw)
        self.statements = [statement.decode(raw) for raw in self.federation.raw[-entries:]]

    def file(self, path: Path, entries: int) -> None:
        """The evidence file of the first of them."""
        federation, size = self.federation, self.federation.tree.size
        raw = federation.raw[: size - len(self.statements) + entries]
        pieces = (
            Piece(index, one, () if index else federation.genesis.members) for index, one in enumerate(raw)
        )
        made = build(
            pieces,
            network_id=federation.network_id,
            tree=federation.tree,
            anchor=federation.anchor(),
            anchor_size=size,
        )
        with path.open("wb") as sink:
            sink.writelines(made)

    def rows(self) -> Sequence[Entry]:
        """As a home hands them to its monitor."""
        found = []
        for index, raw in enumerate(self.federation.raw):
            one = statement.decode(raw)
            members = () if index else self.federation.genesis.members
            found.append(Entry(index, LogEntry(one.public, one.digest).encode(), raw, members))
        return found


def run(scale: Scale) -> list[Table]:
    """All tables."""
    entries = 100 if scale.tiny else ENTRIES
    few = 50 if scale.tiny else _FEW
    log = Log(entries)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        whole, part = Path(folder) / "all.evidence", Path(folder) / "few.evidence"
        log.file(whole, entries)
        log.file(part, few)
        sides = [
            Plain("both signatures, all processors", _rate(entries, partial(_signatures, log))),
            Plain("monitor", _rate(entries, partial(_watch, log, Path(folder)))),
            Plain("evidence file", _rate(entries, partial(_read, log, whole))),
        ]
        found = interleave(sides, min(scale.rounds, 3))
        memory = {number(size): _grown(log, path) for size, path in ((few, part), (entries, whole))}
    floor, monitor, file = found.values()
    return [
        Table(
            title=f"Auditing {number(entries)} entries",
            head=("", "entries/s", "of the signatures"),
            rows=[[one.name, number(one.median), f"{one.over(floor):.2f}"] for one in found.values()],
            goals=[
                Goal(
                    what="monitor, of raw verification",
                    measured=monitor.over(floor),
                    wanted=0.8,
                    at_least=True,
                ),
                Goal(what="file, of raw verification", measured=file.over(floor), wanted=0.8, at_least=True),
            ],
        ),
        Table(
            title="Memory of one pass over an evidence file",
            head=("Statements", "MiB grown"),
            rows=[[name, f"{mib:.1f}"] for name, mib in memory.items()],
        ),
    ]


def _rate(entries: int, work: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        # As at somebody who has never seen these bytes: no signature is answered from memory.
        statement._decode_kept.cache_clear()
        begun = time.perf_counter()
        work()
        return entries / (time.perf_counter() - begun)

    return run


def _signatures(log: Log) -> None:
    """What nobody can do without, the messages put together beforehand in each group."""

    def verify(group: Sequence[Statement]) -> None:
        for one in group:
            [block] = one.blocks
            message = statement.signed_bytes(log.federation.network_id, one.type, block.signer, one.body)
            if not log.key.verifies(message, block.ed25519, block.ml_dsa_65, context=one.type.encode()):
                raise AssertionError("a signature of ours does not hold")

    groups = [log.statements[at : at + _GROUP] for at in range(0, len(log.statements), _GROUP)]
    with ThreadPoolExecutor(_PROCESSORS) as pool:
        for _ in pool.map(verify, groups):
            pass


def _watch(log: Log, folder: Path) -> None:
    path = folder / "watch.db"
    path.unlink(missing_ok=True)
    federation = log.federation
    watch = Watch(
        path,
        genesis=federation.genesis,
        network_id=federation.network_id,
        me="be",
        rules=Rules(),
    )
    watch.entries(log.rows(), federation.tree.root)
    watch.anchor(federation.anchor(), federation.tree.root)
    watch.ledger.close()


def _read(log: Log, path: Path) -> None:
    with path.open("rb", buffering=io.DEFAULT_BUFFER_SIZE) as source:
        reading = Reading(source, network_id=log.federation.network_id)
        reading.read()
        for _ in reading.findings():
            pass


def _grown(log: Log, path: Path) -> float:
    """MiB that a process of its own grows by."""
    found = measured("bench.audit", "read", [str(path), log.federation.network_id.hex()])
    return found.above / MIB


def warm() -> None:
    """What a process needs before it is measured."""
    with ThreadPoolExecutor(_PROCESSORS) as pool:
        list(pool.map(abs, range(_PROCESSORS)))


def read(path: str, network_id: str) -> int:
    """One pass over a file; how many findings."""
    with Path(path).open("rb") as source:
        reading = Reading(source, network_id=bytes.fromhex(network_id))
        reading.read()
        return sum(1 for _ in reading.findings())
