"""A secret in a file, sealed by a passphrase: a home's master key, a relay's or a root's (SPEC section 9)."""

import json
import os
from pathlib import Path

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.primitives import vault
from mce_exchange.primitives.vault import Cost, PassphraseParameters


def write_keyfile(
    path: Path, secret: bytes, passphrase: str, *, label: bytes, cost: Cost = Cost.MODERATE
) -> None:
    """Write whole or not at all, durably, mode 0600. `label` says what it is and is bound into the box.

    Raises `UsageError` for an empty passphrase, `StoreError` if the disk refuses.
    """
    if not passphrase:
        raise UsageError("a private key needs a passphrase")
    parameters = PassphraseParameters.fresh(cost)
    key = vault.passphrase_key(passphrase, parameters)
    record = {
        "format": 1,
        "cost": cost.name,
        "salt": parameters.salt.hex(),
        "box": vault.shut(key, secret, label=label).hex(),
    }
    replace_file(path, json.dumps(record, indent=1).encode() + b"\n")


def read_keyfile(path: Path, passphrase: str, *, label: bytes) -> bytes:
    """The secret. `UsageError` if there is no file, `StoreError` for damage or a wrong passphrase."""
    try:
        mode = path.stat().st_mode
        record = json.loads(path.read_bytes())
        parameters = PassphraseParameters(salt=bytes.fromhex(record["salt"]), cost=Cost[record["cost"]])
        box = bytes.fromhex(record["box"])
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{path} is damaged", remedy="restore it from a backup") from None
    if mode & 0o077:
        raise StoreError(f"others may read {path}", remedy=f"chmod 600 {path}")
    return vault.unshut(vault.passphrase_key(passphrase, parameters), box, label=label)


def replace_file(path: Path, data: bytes) -> None:
    """Write a private file whole or not at all, durably."""
    temporary = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
