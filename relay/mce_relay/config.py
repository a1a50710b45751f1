"""The relay's configuration: one TOML file, strict, with sane defaults.

An unknown key is an error that names file and key: a setting that is silently ignored is worse than
one that is missing. No environment variable changes anything.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mce_exchange.errors import UsageError
from mce_relay.values import DAY, Quotas, Settings

_DEFAULT: Final = Quotas()
# Ten years, and a number that every store holds: beyond, a setting is a slip of the pen.
_LONG: Final = 3650.0 * DAY
_SHORTEST_DAYS: Final = 90
_MANY: Final = 2**62
_STRICT: Final = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

Seconds = Annotated[float, Field(ge=0, le=_LONG)]
Count = Annotated[int, Field(ge=1, le=_MANY)]


class QuotaTable(BaseModel):
    """[quotas]: per member; see `values.Quotas`."""

    model_config = _STRICT

    bytes_per_member: Count = _DEFAULT.bytes_per_member
    messages_per_day: Count = _DEFAULT.messages_per_day
    statements_per_day: Count = _DEFAULT.statements_per_day
    pending_per_recipient: Count = _DEFAULT.pending_per_recipient
    urgent_reserve: int = Field(default=_DEFAULT.urgent_reserve, ge=0, le=90)


class Config(BaseModel):
    """The whole file. Paths are relative to it; times are in seconds."""

    model_config = _STRICT

    id: str
    listen: str = "127.0.0.1:7116"
    genesis: Path = Path("genesis.directory")
    keys: Path = Path(".")
    data: Path = Path("data")
    anchor_file: Path = Path("newest.anchor")
    metrics: str = ""
    tiles: Path | None = None
    anchor_seconds: float = Field(default=600.0, ge=0.1, le=_LONG)
    sweep_seconds: float = Field(default=5.0, ge=0.05, le=_LONG)
    erasure_grace_seconds: Seconds = 7.0 * DAY
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    deadline_seconds: tuple[Seconds, Seconds, Seconds] = (3600.0, 24 * 3600.0, 72 * 3600.0)
    drain_seconds: float = Field(default=20.0, ge=0.1, le=_LONG)
    longest_pause_seconds: Seconds = 7.0 * DAY
    quotas: QuotaTable = QuotaTable()

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file; `UsageError` names the file, the key and what is wrong with it."""
        try:
            table = tomllib.loads(path.read_text())
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        # Besides its own error tomllib lets pass what int() says of thousands of digits, and recursion.
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path} is not TOML: {error}") from None
        try:
            config = cls(**table)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(
                f"{path}: {faults}", remedy="correct the file; `mce-relay init` writes one"
            ) from None
        folder = path.resolve().parent
        names = ("genesis", "keys", "data", "anchor_file", *(("tiles",) if config.tiles else ()))
        config = config.model_copy(update={name: folder / getattr(config, name) for name in names})
        if 0 < config.retention_days < _SHORTEST_DAYS:
            raise UsageError(
                f"{path}: a retention of {config.retention_days} days, at least {_SHORTEST_DAYS}",
                remedy="members that were away for long still have to read what was answered; 0 keeps all",
            )
        if config.anchor_file.is_relative_to(config.data):
            raise UsageError(
                f"{path}: anchor_file lies in the data folder, with which it would be restored",
                remedy="name a file outside of it, on another disk if there is one",
            )
        return config

    @property
    def settings(self) -> Settings:
        """What the core needs of it."""
        return Settings(
            quotas=Quotas(**self.quotas.model_dump()),
            anchor_interval=self.anchor_seconds,
            sweep_interval=min(self.sweep_seconds, self.anchor_seconds),
            erasure_grace=self.erasure_grace_seconds,
            retention=self.retention_days * DAY,
            deadlines=(0.0, *self.deadline_seconds),
            longest_pause=self.longest_pause_seconds,
            tiles=self.tiles,
        )


def template(*, relay_id: str, listen: str) -> str:
    """A first configuration, with every setting an operator is likely to change."""
    return f'''# The relay of one federation. Every key not named here has its default.
id = "{relay_id}"
listen = "{listen}"

# Version 1 of the Directory, from the federation.
genesis = "genesis.directory"

# relay.keys lies here; the log and the mail lie under data.
keys = "."
data = "data"

# The newest anchor, outside the data folder: by it a data folder that was restored is found out.
anchor_file = "newest.anchor"

# host:port for Prometheus; empty: none.
metrics = ""

# A folder for the log as static tiles, which any web server serves; without it: none.
# tiles = "tiles"

anchor_seconds = 600

# Days after which the bytes of private Statements are deleted; the log's entries stay. 0: never.
retention_days = 0

[quotas]
bytes_per_member = {_DEFAULT.bytes_per_member}
messages_per_day = {_DEFAULT.messages_per_day}
pending_per_recipient = {_DEFAULT.pending_per_recipient}
'''
