"""`mce backup`, `mce restore`, `mce passphrase`: a home through lost disks and new people."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, progress
from mce_exchange.cli.home import open_home
from mce_exchange.client.identity import Identity
from mce_exchange.passphrase import PassphraseFrom, passphrase_from
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import backup as backups
from mce_exchange.store import settings
from mce_exchange.store.home import Home, change_passphrase


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BackupSecret:
    """Where a backup's passphrase comes from; without any of these it is asked for."""

    backup_passphrase_file: Annotated[Path | None, Parameter(help="Read the backup's passphrase here.")] = (
        None
    )
    backup_passphrase_fd: Annotated[int | None, Parameter(help="Read it from this file descriptor.")] = None
    backup_passphrase_credential: Annotated[
        str | None, Parameter(help="Read it from this systemd credential.")
    ] = None

    def source(self) -> PassphraseFrom:
        """The one that was named."""
        return passphrase_from(
            self.backup_passphrase_file, self.backup_passphrase_fd, self.backup_passphrase_credential
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NewSecret:
    """Where a home's new passphrase comes from; without any of these it is asked for."""

    new_passphrase_file: Annotated[Path | None, Parameter(help="Read the new passphrase here.")] = None
    new_passphrase_fd: Annotated[int | None, Parameter(help="Read it from this file descriptor.")] = None
    new_passphrase_credential: Annotated[
        str | None, Parameter(help="Read it from this systemd credential.")
    ] = None

    def source(self) -> PassphraseFrom:
        """The one that was named."""
        return passphrase_from(
            self.new_passphrase_file, self.new_passphrase_fd, self.new_passphrase_credential
        )


_BACKUP = BackupSecret()
_NEW = NewSecret()


def _cost(quick: bool) -> Cost:
    return Cost.INTERACTIVE if quick else Cost.MODERATE


def backup(
    *,
    out: Annotated[Path, Parameter(help="The file; an older backup of that name is replaced at the end.")],
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    backup_secret: BackupSecret = _BACKUP,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the whole home into one encrypted file, whether or not its node runs. It holds no prekeys.

    Example: mce backup --home be --out be.backup --backup-passphrase-file backup.secret
    """
    with open_home(common, secret) as home:
        words = backup_secret.source().read(f"the backup {out}", confirm=True)
        at = int(time.time())
        with progress(common) as told:
            backups.backup(home, out, words, at=at, told=told, cost=_cost(quick))
        size = home.logbook.size
    common.say(
        {"file": str(out), "log_size": size, "at": at},
        f"Backed up {common.home} to {out}, as of entry {size} of the log. Keep its passphrase elsewhere.",
    )
    return 0


def restore(
    file: Annotated[Path, Parameter(help="What `mce backup` wrote.")],
    *,
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    backup_secret: BackupSecret = _BACKUP,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make a home of a backup, in a new folder. Its node follows the log before it sends; end the old one.

    Example: mce restore be.backup --home be --backup-passphrase-file backup.secret
    """
    words = backup_secret.source().read(f"the backup {file}")
    new = secret.read(f"the new home {common.home}", confirm=True)
    with progress(common) as told:
        backups.restore(file, common.home, words, new, told=told, cost=_cost(quick))
    home = Home.open(common.home, new)
    try:
        member, at = home.settings.text(settings.MEMBER), home.settings.number(settings.BACKUP_AT)
        # The whole log is verified again, if there is one yet.
        joined = home.settings.find(settings.NETWORK_ID) is not None
        size = Identity.of(home).follower(home).size if joined else 0
    finally:
        home.close()
    taken = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(at))
    common.say(
        {"home": str(common.home), "member": member, "log_size": size, "at": at},
        f"Restored {member} as of {taken}, entry {size} of the log, into {common.home}."
        " Never run the old home again. Next: mce run",
    )
    return 0


def passphrase(
    *,
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    new: NewSecret = _NEW,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Change a home's passphrase: only `home.key` is written, a running node goes on.

    Example: mce passphrase --home be --new-passphrase-file new.secret
    """
    old = secret.read(f"the home {common.home}")
    # A wrong one is told before a new one is asked for.
    Home.open(common.home, old).close()
    words = new.source().read(f"the home {common.home} from now on", confirm=True)
    change_passphrase(common.home, old, words, cost=_cost(quick))
    common.say(
        {"home": str(common.home)},
        f"{common.home} opens with the new passphrase. Copies of the old home.key open with the old one.",
    )
    return 0
