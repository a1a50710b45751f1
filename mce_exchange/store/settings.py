"""Who this home is and where its relay is: plain settings."""

from typing import Final

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.store.database import Database

MEMBER: Final = "member"
NETWORK_ID: Final = "network_id"
RELAY_ADDRESS: Final = "relay_address"
RELAY_CERTIFICATE: Final = "relay_certificate"
RELAY_NAMED: Final = "relay_named"
PROXY: Final = "proxy"
CARD: Final = "card"
DOOR: Final = "door_certificate"
RETENTION_DAYS: Final = "retention_days"
NEXT_DOOR: Final = "next_door"
BACKUP_AT: Final = "backup_at"
"""POSIX seconds of the newest backup that was written whole; of its own making in a restored home."""
BEHIND: Final = "behind"
"""Set in a home that was restored or copied, until it has followed the log to the relay's end (SPEC 9.9)."""
PLACE: Final = "place"


class Settings:
    """Names and values; a missing one is a `UsageError` that says which command sets it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, name: str, value: bytes | str) -> None:
        """Set; the caller is in a transaction or does not need one."""
        data = value.encode() if isinstance(value, str) else value
        self._database.run("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, data)

    def drop(self, name: str) -> None:
        """As if it had never been set."""
        self._database.run("DELETE FROM setting WHERE name = ?", name)

    def find(self, name: str) -> bytes | None:
        """The value, if it was ever set."""
        value: bytes | None = self._database.value("SELECT value FROM setting WHERE name = ?", name)
        return value

    def get(self, name: str) -> bytes:
        """The value; `UsageError` if this home has not come that far."""
        value = self.find(name)
        if value is None:
            command = "mce init" if name in (MEMBER, CARD, DOOR) else "mce join"
            raise UsageError(
                f"this home has no {name.replace('_', ' ')} yet", remedy=f"run `{command}` first"
            )
        return value

    def text(self, name: str) -> str:
        """The same as text."""
        try:
            return self.get(name).decode()
        except UnicodeDecodeError:
            raise _damaged(name) from None

    def number(self, name: str) -> int:
        """The value as a whole number, 0 if it was never set."""
        try:
            return int(self.find(name) or b"0")
        except ValueError:
            raise _damaged(name) from None


def _damaged(name: str) -> StoreError:
    return StoreError(f"this home's {name} is damaged", remedy="restore the home from a backup")
