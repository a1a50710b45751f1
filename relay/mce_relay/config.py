"""The relay's configuration: one TOML file, strict, with sane defaults.

An unknown key is an error that names file and key: a setting that is silently ignored is worse than
one that is missing. No environment variable changes anything.
"""

import tomllib
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mce_exchange.errors import UsageError
from mce_relay.values import DAY, Quotas, Settings

_DEFAULT: Final = Quotas()


class QuotaTable(BaseModel):
    """[quotas]: per member; see `values.Quotas`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes_per_member: int = Field(default=_DEFAULT.bytes_per_member, ge=1)
    messages_per_day: int = Field(default=_DEFAULT.messages_per_day, ge=1)
    statements_per_day: int = Field(default=_DEFAULT.statements_per_day, ge=1)
    pending_per_recipient: int = Field(default=_DEFAULT.pending_per_recipient, ge=1)
    urgent_reserve: int = Field(default=_DEFAULT.urgent_reserve, ge=0, le=90)


class Config(BaseSettings):
    """The whole file. Paths are relative to it; times are in seconds."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    id: str
    listen: str = "127.0.0.1:7116"
    genesis: Path = Path("genesis.directory")
    keys: Path = Path(".")
    data: Path = Path("data")
    metrics: str = ""
    anchor_seconds: float = Field(default=600.0, ge=0.1)
    sweep_seconds: float = Field(default=5.0, ge=0.05)
    erasure_grace_seconds: float = Field(default=7.0 * DAY, ge=0)
    deadline_seconds: tuple[float, float, float] = (3600.0, 24 * 3600.0, 72 * 3600.0)
    drain_seconds: float = Field(default=20.0, ge=0.1)
    quotas: QuotaTable = QuotaTable()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The file and nothing else."""
        return (init_settings,)

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file; `UsageError` names the file, the key and what is wrong with it."""
        try:
            table = tomllib.loads(path.read_text())
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not TOML: {error}") from None
        try:
            config = cls(**table)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise UsageError(
                f"{path}: {faults}", remedy="correct the file; `mce-relay init` writes one"
            ) from None
        folder = path.resolve().parent
        return config.model_copy(
            update={name: folder / getattr(config, name) for name in ("genesis", "keys", "data")}
        )

    @property
    def settings(self) -> Settings:
        """What the core needs of it."""
        return Settings(
            quotas=Quotas(**self.quotas.model_dump()),
            anchor_interval=self.anchor_seconds,
            sweep_interval=min(self.sweep_seconds, self.anchor_seconds),
            erasure_grace=self.erasure_grace_seconds,
            deadlines=(0.0, *self.deadline_seconds),
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

# host:port for Prometheus; empty: none.
metrics = ""

anchor_seconds = 600

[quotas]
bytes_per_member = {_DEFAULT.bytes_per_member}
messages_per_day = {_DEFAULT.messages_per_day}
pending_per_recipient = {_DEFAULT.pending_per_recipient}
'''
