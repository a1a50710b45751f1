"""100 MiB and 1 GiB from file to file, digest included: a plain copy, ours, age and gpg.

Ours runs in a process of its own, whose memory is that of the work above what it held before; time is
the work's. age and gpg are timed as processes, which start in a few milliseconds. Everything stays in
the page cache and nobody syncs. Ours pads (2 to 3 % here) and writes the padded ciphertext; its digest is
what a signed header commits to. age signs nothing; gpg signs.
"""

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.frame import MIB, Goal, NotRun, Scale, Series, Side, Table, interleave, number
from bench.gpg import Gpg
from bench.install import program
from bench.memory import Work, measured, peak_of
from mce_exchange.header import Stream
from mce_exchange.sealing import open_as_signed, seal_stream

_PIECE: Final = MIB


def warm() -> None:
    """What a process that is idle has loaded: everything."""


def copy(source: str, sink: str) -> None:
    """Read and written piece by piece, as everybody here has to."""
    with open(source, "rb") as read, open(sink, "wb") as write:
        while piece := read.read(_PIECE):
            write.write(piece)


def seal(source: str, sink: str) -> None:
    """Encrypt and digest; what a header would say goes beside it."""
    secret = secrets.token_bytes(32)
    with open(source, "rb") as read, open(sink, "wb") as write:
        stream, _ = seal_stream(secret, read, write, payload=False)
    said = [secret.hex(), stream.root.hex(), stream.padded_size, stream.commitment.hex()]
    Path(sink + ".json").write_text(json.dumps(said))


def open_sealed(source: str, sink: str) -> None:
    """Digest, decrypt, and compare with the header."""
    secret, root, size, commitment = json.loads(Path(source + ".json").read_text())
    stream = Stream(root=bytes.fromhex(root), padded_size=size, commitment=bytes.fromhex(commitment))
    with open(source, "rb") as read, open(sink, "wb") as write:
        for piece in open_as_signed(bytes.fromhex(secret), stream, read, payload=False):
            write.write(piece)


@dataclass
class Pass:
    """A side: one pass over the file each round. Remembers the most memory it took."""

    name: str
    size: int
    sink: Path
    work: Callable[[], Work]
    peaks: list[int] = field(default_factory=list)

    def run(self) -> float:
        """MiB a second."""
        self.sink.unlink(missing_ok=True)
        work = self.work()
        self.peaks.append(work.above)
        return self.size / MIB / work.seconds


class Files:
    """The plain file, and who turns it into what."""

    def __init__(self, folder: Path, size: int, stack: ExitStack) -> None:
        self.folder, self.size = folder, size
        self.plain = folder / "plain"
        with self.plain.open("wb") as file:
            for _ in range(size // MIB or 1):
                file.write(os.urandom(min(size, MIB)))
        self.missing: list[str] = []
        self.seals: list[Side] = [self._ours("copy", "copy"), self._ours("mce-exchange", "seal")]
        self.opens: list[Side] = [self._ours("copy", "copy"), self._opening()]
        for add in (self._age, self._gpg):
            try:
                add(stack)
            except NotRun as reason:
                self.missing.append(f"{add.__name__.strip('_')}: {reason}")

    def _ours(self, name: str, function: str) -> Pass:
        sink = self.folder / function
        files = [str(self.plain), str(sink)]
        return Pass(name, self.size, sink, lambda: measured(__name__, function, files))

    def _opening(self) -> Pass:
        sealed, sink = str(self.folder / "seal"), self.folder / "opened"
        return Pass(
            "mce-exchange", self.size, sink, lambda: measured(__name__, "open_sealed", [sealed, str(sink)])
        )

    def _age(self, stack: ExitStack) -> None:
        key = self.folder / "age.key"
        made = subprocess.run(
            [program("age-keygen"), "-o", str(key)], capture_output=True, text=True, check=True, timeout=60
        )
        public, age = made.stderr.split()[-1], program("age")
        sealed, opened = self.folder / "plain.age", self.folder / "opened.age"
        self._add("age", sealed, opened, [age, "-r", public], [age, "-d", "-i", str(key)])

    def _gpg(self, stack: ExitStack) -> None:
        gpg = Gpg(stack, most=1)
        sealed, opened = self.folder / "plain.gpg", self.folder / "opened.gpg"
        self._add("gpg", sealed, opened, gpg.sealing(1), gpg.opening())

    def _add(
        self, name: str, sealed: Path, opened: Path, sealing: Sequence[str], opening: Sequence[str]
    ) -> None:
        def foreign(command: Sequence[str], source: Path, sink: Path) -> Pass:
            # Decrypting commands of gpg name their option first: the output goes before it.
            whole = [command[0], "-o", str(sink), *command[1:], str(source)]
            if name == "gpg":
                whole = [*command[:3], "-o", str(sink), *command[3:], str(source)]
            return Pass(name, self.size, sink, lambda: peak_of(whole))

        self.seals.append(foreign(sealing, self.plain, sealed))
        self.opens.append(foreign(opening, sealed, opened))


def run(scale: Scale) -> list[Table]:
    """Sealing and opening, at each size."""
    sizes = [(64 * 1024, 1)] if scale.tiny else [(100 * MIB, 7), (1024 * MIB, 3)]
    tables = []
    for size, rounds in sizes if scale.full or scale.tiny else sizes[:1]:
        with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
            files = Files(Path(folder), size, stack)
            tables.append(_compare("sealed", files, files.seals, rounds))
            tables.append(_compare("opened", files, files.opens, rounds))
    return tables


def _compare(what: str, files: Files, sides: Sequence[Side], rounds: int) -> Table:
    found = interleave(sides, rounds)
    mine = found["mce-exchange"]
    peaks = {side.name: max(side.peaks) for side in sides if isinstance(side, Pass)}
    rows = [
        [name, number(one.median), number(mine.over(one)), number(peaks[name] / MIB)]
        for name, one in found.items()
    ]
    return Table(
        title=f"Attachments: {number(files.size / MIB)} MiB {what}",
        head=("", "MiB/s", "ours over it", "peak MiB above idle"),
        rows=rows,
        missing=files.missing,
        goals=_goals(mine, found, peaks["mce-exchange"]),
    )


def _goals(mine: Series, found: dict[str, Series], peak: int) -> list[Goal]:
    goals = [
        Goal(what=f"{name}'s rate, times", measured=mine.over(found[name]), wanted=wanted)
        for name, wanted in (("age", 1.2), ("gpg", 3.5))
        if name in found
    ]
    memory = Goal(what="memory above idle", measured=peak / MIB, wanted=32.0, at_least=False, unit=" MiB")
    return [*goals, memory]
