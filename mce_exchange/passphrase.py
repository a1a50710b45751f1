"""Where a command gets a passphrase from: a file or credential, a descriptor, a keyring, or a person."""

import getpass
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mce_exchange.errors import UsageError
from mce_exchange.primitives.verify import equal

_MOST = 4096
SERVICE = "mce-exchange"
"""Under which the operating system's keyring keeps passphrases of homes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseFrom:
    """At most one of these; none asks at the terminal. A trailing newline is no part of it.

    `credential` is a name under systemd's $CREDENTIALS_DIRECTORY, which `folder` is; `keyring` one in the
    operating system's keyring.
    """

    file: Path | None = None
    descriptor: int | None = None
    credential: str | None = None
    folder: str | None = None
    keyring: str | None = None

    def read(self, what: str, *, confirm: bool = False) -> str:
        """The passphrase for `what`; `UsageError` if there is none to be had."""
        sources = (self.file, self.descriptor, self.credential, self.keyring)
        if len([one for one in sources if one is not None]) > 1:
            raise UsageError("name one source of the passphrase, not several")
        if self.descriptor is not None:
            return self._file(self.descriptor)
        if self.credential is not None:
            if not self.folder or "/" in self.credential:
                raise UsageError(
                    "there is no such credential here", remedy="use LoadCredential= in the systemd unit"
                )
            return self._file(Path(self.folder) / self.credential)
        if self.keyring is not None:
            return _from_keyring(self.keyring)
        return self._file(self.file) if self.file is not None else self._ask(what, confirm)

    def _file(self, source: Path | int) -> str:
        try:
            with open(source, encoding="utf-8") as file:
                passphrase = file.read(_MOST)
        except (OSError, ValueError):
            raise UsageError("the passphrase cannot be read from there") from None
        if len(passphrase) == _MOST:
            raise UsageError(f"a passphrase has fewer than {_MOST} characters")
        passphrase = passphrase.rstrip("\r\n")
        if not passphrase:
            raise UsageError("the passphrase is empty")
        return passphrase

    def _ask(self, what: str, confirm: bool) -> str:
        if not sys.stdin.isatty():
            raise UsageError(
                f"no terminal to ask for the passphrase of {what}",
                remedy="use --passphrase-file, --passphrase-fd or --passphrase-credential",
            )
        try:
            passphrase = getpass.getpass(f"Passphrase of {what}: ")
            if confirm and not equal(getpass.getpass("The same again: ").encode(), passphrase.encode()):
                raise UsageError("the two passphrases differ; nothing was done")
        except (EOFError, ValueError):
            raise UsageError("no passphrase was given; nothing was done") from None
        return passphrase


def _from_keyring(name: str) -> str:
    try:
        # Not a dependency: see docs/adr/0008.
        keyring = import_module("keyring")
    except ImportError:
        raise UsageError(
            "the package that reads the system's keyring is not installed",
            remedy="pip install keyring; or use --passphrase-file or --passphrase-credential",
        ) from None
    try:
        found = keyring.get_password(SERVICE, name)
    except Exception as error:  # its backends are others' packages, and raise what they like
        raise UsageError(
            f"the system's keyring does not answer: {type(error).__name__}",
            remedy="a server has none: use --passphrase-file or --passphrase-credential",
        ) from None
    if not found:
        raise UsageError(
            f"the system's keyring has no passphrase named {name!r}", remedy=f"keyring set {SERVICE} {name}"
        )
    return str(found)


def passphrase_from(
    file: Path | None, descriptor: int | None, credential: str | None, keyring: str | None = None
) -> PassphraseFrom:
    """For a command line, which may look at its environment."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return PassphraseFrom(
        file=file, descriptor=descriptor, credential=credential, folder=folder, keyring=keyring
    )
