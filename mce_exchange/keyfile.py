"""A secret in a file, sealed by a passphrase: a home's master key, a relay's or a root's (SPEC section 9)."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.primitives import vault
from mce_exchange.primitives.vault import SALT, Cost, PassphraseParameters

MOST = 64 * 1024
"""Bytes of a key file at most."""


def write_keyfile(
    path: Path, secret: bytes, passphrase: str, *, label: bytes, cost: Cost = Cost.MODERATE
) -> None:
    """Write whole or not at all, durably, mode 0600. `label` says what it is and is bound into the box.

    Raises `UsageError` for an empty passphrase, `StoreError` if the disk refuses.
    """
    replace_file(path, sealed(secret, passphrase, label=label, cost=cost))


def sealed(secret: bytes, passphrase: str, *, label: bytes, cost: Cost) -> bytes:
    """What a key file holds: the secret in a box under the passphrase's key, salt and cost beside it."""
    if not passphrase:
        raise UsageError("a private key needs a passphrase")
    _check_text(passphrase)
    parameters = PassphraseParameters.fresh(cost)
    key = _derived(passphrase, parameters)
    record = {
        "format": 1,
        "cost": cost.name,
        "salt": parameters.salt.hex(),
        "box": vault.shut(key, secret, label=label).hex(),
    }
    return json.dumps(record, indent=1).encode() + b"\n"


def read_keyfile(path: Path, passphrase: str, *, label: bytes) -> bytes:
    """The secret. `UsageError` if there is no file, `StoreError` for damage or a wrong passphrase."""
    _check_text(passphrase)
    mode, data = _read(path)
    if mode & 0o077:
        raise StoreError(f"others may read {path}", remedy=f"chmod 600 {path}")
    return unsealed(data, passphrase, label=label, what=path)


def unsealed(data: bytes, passphrase: str, *, label: bytes, what: Path) -> bytes:
    """The secret in what `sealed` made; `StoreError` for damage or a wrong passphrase."""
    _check_text(passphrase)
    try:
        record = json.loads(data)
        parameters = PassphraseParameters(salt=bytes.fromhex(record["salt"]), cost=Cost[record["cost"]])
        box = bytes.fromhex(record["box"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged(what) from None
    if len(parameters.salt) != SALT:
        raise _damaged(what)
    key = _derived(passphrase, parameters)
    try:
        return vault.unshut(key, box, label=label)
    except StoreError:
        raise StoreError(
            f"{what} does not open: a wrong passphrase, another kind of file, or damage",
            remedy=f"check that this is the passphrase of {what}",
        ) from None


def _derived(passphrase: str, parameters: PassphraseParameters) -> bytes:
    try:
        return vault.passphrase_key(passphrase, parameters)
    except RuntimeError:
        raise StoreError(
            "the passphrase's key cannot be derived", remedy="free some memory: it needs up to 256 MiB"
        ) from None


def _read(path: Path) -> tuple[int, bytes]:
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(MOST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise _damaged(path) from None
    if len(data) > MOST:
        raise _damaged(path)
    return mode, data


def _damaged(path: Path) -> StoreError:
    return StoreError(f"{path} is damaged", remedy="restore it from a backup")


def _check_text(passphrase: str) -> None:
    try:
        passphrase.encode()
    except UnicodeEncodeError:
        raise UsageError("the passphrase is not text in UTF-8") from None


def replace_file(path: Path, data: bytes | bytearray) -> None:
    """Write a private file whole or not at all, durably."""
    replace_file_with(path, (data,))


def replace_file_with(path: Path, pieces: Iterable[bytes | bytearray]) -> None:
    """The same, piece by piece; what `pieces` raises leaves no file."""
    temporary = path.with_name(path.name + ".new") if path.name else path
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(path)
        sync_folder(path.parent)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise StoreError(f"cannot write {path}: {why}") from error


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
