"""What every `mce` command shares: the home, the passphrase, JSON, progress, how errors are told."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bars

from mce_exchange.client.attaching import Progress
from mce_exchange.errors import Fault, MceError, UsageError
from mce_exchange.passphrase import passphrase_from
from mce_exchange.text import inert_json, neutralise, one_line

EXIT: Final = {
    Fault.USAGE: 2,
    Fault.PEER: 3,
    Fault.RELAY: 4,
    Fault.TRANSPORT: 5,
    Fault.STORE: 6,
    Fault.FEDERATION: 7,
    Fault.SOFTWARE: 8,
}
app = App(
    name="mce",
    help="Exchange missing-children cases between hotlines, end to end encrypted, with evidence.\n\n"
    "Exit codes: 0 done, 1 found wanting, 2 usage, 3 peer, 4 relay, 5 transport, 6 own store, 7 federation,"
    " 8 a defect of this software.",
    version=metadata.version("mce-exchange"),
    result_action="return_value",
    default_parameter=Parameter(negative=()),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Secret:
    """Where a passphrase comes from; without any of these it is asked for."""

    passphrase_file: Annotated[Path | None, Parameter(help="Read the passphrase from this file.")] = None
    passphrase_fd: Annotated[int | None, Parameter(help="Read it from this file descriptor.")] = None
    passphrase_credential: Annotated[str | None, Parameter(help="Read it from this systemd credential.")] = (
        None
    )
    passphrase_keyring: Annotated[str | None, Parameter(help="Read it from the system's keyring.")] = None

    def read(self, what: str, *, confirm: bool = False) -> str:
        """The passphrase."""
        return passphrase_from(
            self.passphrase_file, self.passphrase_fd, self.passphrase_credential, self.passphrase_keyring
        ).read(what, confirm=confirm)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """A home and how to answer."""

    home: Annotated[Path, Parameter(env_var="MCE_HOME", help="The hotline's home.")] = Path("mce-home")
    json: Annotated[bool, Parameter(help="Answer in JSON.")] = False

    def say(self, values: Mapping[str, Any], text: str) -> None:
        """One answer: JSON for programs, or plain text; nothing in either can act (threat H11)."""
        if self.json:
            print(inert_json(json.dumps(values, ensure_ascii=False, default=str)), flush=True)
        else:
            print(neutralise(text), flush=True)


COMMON: Final = Common()
SECRET: Final = Secret()


@contextmanager
def progress(common: Common) -> Iterator[Progress]:
    """Bars for long work, on the terminal of standard error and nowhere else."""
    console = Console(stderr=True)
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        console=console,
        transient=True,
        disable=common.json or not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    tasks: dict[str, Any] = {}

    def told(name: str, done: int, total: int | None) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(one_line(name)[:60], total=total)
        bars.update(tasks[name], completed=done, total=total)
        if done == total:
            bars.remove_task(tasks.pop(name))

    with bars:
        yield told


def instant(text: str) -> int | None:
    """POSIX seconds of a time in ISO 8601, UTC unless it says otherwise; None for no text."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{one_line(text)[:40]} is no time as 2026-11-30 or 2026-11-30T12:00") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def read_file(path: Path, most: int) -> bytes:
    """A file's bytes; `UsageError` if it cannot be read or has more than `most`."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise UsageError(f"cannot read {path}: {why}") from None
    if len(data) > most:
        raise UsageError(f"{path} has more than {most} bytes")
    return data


def tell(error: MceError) -> None:
    """An error for a person: what, whose fault, what to do now. Each on one line, whatever is in it."""
    text = (
        f"mce: {one_line(str(error))}\n  whose fault: {error.fault}\n  what to do: {one_line(error.remedy)}"
    )
    print(text, file=sys.stderr)
