"""What is wrong with a home, and the commands that mend it. Looking changes nothing.

Ten faults, each by what the home itself holds and, where it is asked, by what the relay's door shows.
What only people can do (telephone, compare, enter a card) stands in the text; the commands come after it.
"""

import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from mce_exchange.client.diagnose import NOT_ADMITTED
from mce_exchange.client.identity import Identity
from mce_exchange.client.relay import GrpcRelay
from mce_exchange.client.repin import Way
from mce_exchange.errors import MceError, StoreError
from mce_exchange.hotline import prekeys
from mce_exchange.hotline.follow import Follower
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home

_DAY: Final = 24 * 3600
# The newest anchor is younger than ten minutes: an hour ahead of it is no longer its age.
_BEHIND_SECONDS: Final = 120
_AHEAD_SECONDS: Final = 3600
_STALE_DAYS: Final = 90
_ANCHORED_SECONDS: Final = _DAY
_BACKUP_SECONDS: Final = 7 * _DAY
_FREE: Final = 1 << 30
_CALL_SECONDS: Final = 10.0


class Fault(StrEnum):
    """What can be wrong."""

    PERMISSIONS = "permissions"
    DISK = "full-disk"
    CLOCK = "clock"
    RELAY = "unknown-relay"
    ENTRY = "lost-own-entry"
    DIRECTORY = "stale-directory"
    PREKEY = "missing-prekey"
    FORK = "forked-log"
    RECEIPTS = "unanchored-receipts"
    BACKUP = "backup-overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fault, a sentence, and the commands that mend it, to be run in order."""

    fault: Fault
    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the relay's door showed: `diagnose`'s answer, and the newest anchor's time if it was open."""

    answer: str
    time: int | None = None


def folder(path: Path) -> Iterator[Finding]:
    """What is wrong with a home's folder: this needs no passphrase, and may be why it does not open."""
    modes = _modes(path)
    owner = modes[path].st_uid
    strange = [one for one, found in modes.items() if found.st_uid != owner]
    wrong = [one for one, found in modes.items() if found.st_mode & 0o077]
    commands = [shlex.join(["chown", str(owner), *map(str, strange)])] if strange else []
    commands += [shlex.join(["chmod", "700" if one.is_dir() else "600", str(one)]) for one in wrong]
    if commands:
        text = f"others may look into {_names(wrong)}" if wrong else f"another user owns {_names(strange)}"
        yield Finding(fault=Fault.PERMISSIONS, text=text, commands=tuple(commands))
    free = shutil.disk_usage(path).free
    if free < _FREE:
        text = (
            f"{free // (1 << 20)} MiB are free on the home's disk: soon nothing more can be received or sent;"
        )
        text += " if tidying does not help, end what need not be kept (mce retention), or take a larger disk"
        yield Finding(fault=Fault.DISK, text=text, commands=(_mce("tidy", path),))


async def log_time(home: Home, follower: Follower, *, seconds: float = _CALL_SECONDS) -> int | None:
    """The time of the relay's newest anchor; None if it shows none that this home can judge yet."""
    relay = GrpcRelay(Way.of(home).channel(), call_seconds=seconds)
    try:
        return follower.state.open_anchor(await relay.anchor(0)).time
    except StoreError:
        raise
    except MceError:
        # No anchor yet, or one by keys that only the log ahead names: the clock is judged without it.
        return None
    finally:
        await relay.close()


class Doctor:
    """Looks at an open home that has joined, at `now` (POSIX seconds)."""

    def __init__(self, home: Home, identity: Identity, follower: Follower, *, now: int) -> None:
        self._home = home
        self._identity = identity
        self._state = follower.state
        self._now = now
        self._once = _mce("run", home.path, "--once")
        self._runs = home.locked

    def findings(self, door: Door | None) -> Iterator[Finding]:
        """Everything that is wrong; without a door, whatever can be said without the relay."""
        yield from self._clock(door)
        yield from self._relay(door)
        yield from self._entry(door)
        yield from self._directory()
        yield from self._prekey()
        yield from self._fork()
        yield from self._receipts()
        yield from self._backup()

    def _clock(self, door: Door | None) -> Iterator[Finding]:
        """By the log's time: it cannot be ahead of now, nor what the relay shows just now be far behind."""
        shown = door.time if door else None
        behind = max(shown or 0, self._home.logbook.anchor_time) - self._now
        text = ""
        if behind > _BEHIND_SECONDS:
            text = f"this machine's clock is {behind // 60} minutes behind the log's"
        elif shown is not None and self._now - shown > _AHEAD_SECONDS:
            text = f"this machine's clock is {(self._now - shown) // 60} minutes ahead of the log's;"
            text += " if it is right, the relay makes no anchors: telephone its operator"
        if text:
            yield Finding(fault=Fault.CLOCK, text=text, commands=("timedatectl set-ntp true",))

    def _relay(self, door: Door | None) -> Iterator[Finding]:
        if door is None or door.answer in ("open", NOT_ADMITTED):
            return
        text = f"{door.answer}. This pins again the relay that the Directory names; if it changes nothing,"
        yield Finding(
            fault=Fault.RELAY,
            text=f"{text} telephone the relay's operator",
            commands=(_mce("join", self._home.path),),
        )

    def _entry(self, door: Door | None) -> Iterator[Finding]:
        entered = self._identity.entered(self._home, self._state)
        if entered is None:
            text = "this hotline does not stand in the Directory"
        elif not self._state.takes_part(self._identity.member):
            text = "this hotline is suspended, or has left"
        elif not entered:
            text = "the Directory does not say of this hotline what its newest card asks for"
        elif door and door.answer == NOT_ADMITTED:
            text = "the relay does not admit this hotline's certificate"
        else:
            return
        path = self._home.path
        card = _mce("card", path, "--out", f"{path.name}.card")
        text += ": give the federation the card, and compare by telephone; run the node once it is entered"
        yield Finding(fault=Fault.ENTRY, text=self._told(text), commands=(card, self._once))

    def _directory(self) -> Iterator[Finding]:
        directory = self._state.directory
        days = (directory.expires_minutes * 60 - self._now) // _DAY
        if days > _STALE_DAYS:
            return
        text = f"Directory version {directory.version} expires in {days} days"
        text += ": run the node to get the next version; if there is none yet, ask the federation for it"
        yield Finding(fault=Fault.DIRECTORY, text=self._told(text), commands=(self._once,))

    def _prekey(self) -> Iterator[Finding]:
        me = self._identity.member
        if not self._state.takes_part(me):
            return
        newest = self._state.prekey(me)
        if newest is None:
            text = "this hotline has no prekey in the log: nobody can write to it"
        elif not self._home.secrets.prekey(newest.id):
            text = "the newest prekey's private half is not in this home: what is sent to it cannot be opened"
        elif self._now // 60 > newest.nominal_end_minutes + _DAY // 60:
            left = prekeys.GRACE_DAYS - (self._now - newest.nominal_end_minutes * 60) // _DAY
            text = f"the newest prekey has ended: in {max(left, 0)} days nobody can write to this hotline"
        else:
            return
        yield Finding(fault=Fault.PREKEY, text=self._told(text), commands=(self._once,))

    def _fork(self) -> Iterator[Finding]:
        kinds = (Alarm.FORK, Alarm.LOG_ROLLED_BACK)
        found = [one for one in self._home.alarms.all(unseen=True) if one.kind in kinds]
        if found:
            path, commands = self._home.path, [_mce("status", self._home.path, "--seen")]
            text = f"{found[-1].text}: keep the home as it is, tell the federation and the auditors"
            if any(one.kind is Alarm.FORK for one in found):
                text += ", and give them the proof"
                commands.insert(0, _mce("evidence fork", path, "--out", f"{path.name}.fork"))
            text += "; then note that a person has seen it"
            yield Finding(fault=Fault.FORK, text=text, commands=tuple(commands))

    def _receipts(self) -> Iterator[Finding]:
        late = len(self._home.receipts.late(before=self._now - _ANCHORED_SECONDS))
        if late:
            text = f"{late} receipt(s) of the relay are not under any anchor after 24 h: run the node to look"
            text += " again; if they stay, telephone the relay's operator"
            yield Finding(fault=Fault.RECEIPTS, text=self._told(text), commands=(self._once,))

    def _backup(self) -> Iterator[Finding]:
        at, path = self._home.settings.number(settings.BACKUP_AT), self._home.path
        if at and self._now - at <= _BACKUP_SECONDS:
            return
        text = f"the last backup is {(self._now - at) // _DAY} days old" if at else "there is no backup"
        text += ": without one, a lost disk costs this hotline its keys"
        commands = (_mce("backup", path, "--out", f"{path.name}.backup"),)
        yield Finding(fault=Fault.BACKUP, text=text, commands=commands)

    def _told(self, text: str) -> str:
        """A node that runs does by itself what the command would."""
        return f"{text}; a node runs here, give it a minute, else stop it first" if self._runs else text


def _modes(path: Path) -> dict[Path, os.stat_result]:
    found = {}
    try:
        found[path] = path.stat()
        for one in sorted(path.iterdir()):
            # What a node writes beside the database comes and goes.
            with suppress(FileNotFoundError):
                found[one] = one.stat()
    except OSError as error:
        raise StoreError(
            f"cannot look into {path}: {error.strerror}",
            remedy="run this as the user to whom the home belongs",
        ) from error
    return found


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(one.name for one in paths)


def _mce(command: str, home: Path, *more: str) -> str:
    return shlex.join(["mce", *command.split(), "--home", str(home), *more])
