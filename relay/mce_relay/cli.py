"""`mce-relay`: make a relay, serve, check. The operator reads nothing that members write."""

import asyncio
import json
import math
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from mce_exchange.directory.records import RelayCard
from mce_exchange.errors import Fault, MceError, UsageError
from mce_exchange.keyfile import replace_file
from mce_exchange.passphrase import passphrase_from
from mce_exchange.primitives.vault import Cost
from mce_relay import __version__, check, logs, server
from mce_relay.config import Config, template
from mce_relay.keyring import NEXT, Keyring, Rings
from mce_relay.known import Known
from mce_relay.store.sqlite import FILE as DATABASE
from mce_relay.store.sqlite import SqliteStore
from mce_relay.succession import adopt
from mce_relay.values import NoMetrics

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
    name="mce-relay",
    help="The blind relay and log of a mce-exchange federation.",
    version=__version__,
    result_action="return_value",
)

ConfigFile = Annotated[Path, Parameter(name="--config", help="The relay's TOML file.")]
PassphraseFile = Annotated[Path | None, Parameter(help="Read the keys' passphrase from this file.")]
PassphraseFd = Annotated[int | None, Parameter(help="Read it from this file descriptor.")]
Credential = Annotated[str | None, Parameter(help="Read it from this systemd credential.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Answer in JSON.")]


@app.command
def init(
    *,
    home: Annotated[Path, Parameter(help="A new folder for keys and configuration.")],
    id: Annotated[
        str, Parameter(name="--id", help="The relay's id in the Directory: a-z, 0-9, dots, hyphens.")
    ],
    address: Annotated[str, Parameter(help="host:port under which members reach it.")],
    listen: Annotated[
        str | None, Parameter(help="host:port to listen on; the port of --address on all hosts.")
    ] = None,
    tiles: Annotated[
        str, Parameter(help="https URL under which the log's static tiles will stand, if it has any.")
    ] = "",
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_credential: Credential = None,
    quick: Annotated[
        bool, Parameter(negative="", help="Cheaper passphrase derivation, for exercises.")
    ] = False,
    json: Json = False,
) -> int:
    """Make the relay's keys, a configuration, and relay.card for the federation.

    Example: mce-relay init --home relay --id relay.example --address relay.example.org:7116
    """
    if tiles and not tiles.startswith("https://"):
        raise UsageError(f"{tiles!r} is no https URL")
    if home.exists() and any(home.iterdir()):
        raise UsageError(f"{home} is not empty: nothing was overwritten", remedy="choose another --home")
    passphrase = passphrase_from(passphrase_file, passphrase_fd, passphrase_credential).read(
        "the relay's keys", confirm=True
    )
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    keyring = Keyring.generate()
    card = keyring.card(relay_id=id, address=address, tiles=tiles)
    keyring.write(home, passphrase, cost=Cost.INTERACTIVE if quick else Cost.MODERATE)
    replace_file(home / "relay.card", card.encode())
    port = address.rpartition(":")[2]
    replace_file(home / "relay.toml", template(relay_id=id, listen=listen or f"[::]:{port}").encode())
    _say(
        json,
        {"home": str(home), "card": str(home / "relay.card"), "config": str(home / "relay.toml")},
        f"Made {home}. Give {home / 'relay.card'} to the federation, put its genesis into"
        f" {home / 'genesis.directory'}, then: mce-relay serve --config {home / 'relay.toml'}",
    )
    return 0


@app.command
def serve(
    *,
    config: ConfigFile,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_credential: Credential = None,
    log_level: Annotated[str, Parameter(help="debug, info, warning or error.")] = "info",
    after_pause: Annotated[
        bool,
        Parameter(negative="", help="The clock is right, though the newest anchor is a week away from it."),
    ] = False,
) -> int:
    """Serve until SIGTERM: then commit what waits, answer, and end with 0.

    Example: mce-relay serve --config relay/relay.toml --passphrase-credential relay
    """
    if log_level not in ("debug", "info", "warning", "error"):
        raise UsageError(f"no log level {log_level!r}")
    logs.configure(log_level)
    read = Config.read(config)
    if after_pause:
        read = read.model_copy(update={"longest_pause_seconds": math.inf})
    source = passphrase_from(passphrase_file, passphrase_fd, passphrase_credential)
    passphrase = source.read("the relay's keys")
    asyncio.run(server.serve(read, Rings.read(read.keys, passphrase)))
    return 0


@app.command
def renew(
    *,
    out: Annotated[Path, Parameter(help="The card to write, for the federation's next Directory.")],
    log_key: Annotated[bool, Parameter(negative="", help="A new key for the log.")] = False,
    door: Annotated[bool, Parameter(negative="", help="A new door, beside the one in use.")] = False,
    address: Annotated[
        str | None, Parameter(help="host:port under which members reach it; as on relay.card.")
    ] = None,
    config: ConfigFile,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_credential: Credential = None,
    json: Json = False,
) -> int:
    """Make this relay's next keys, and the card that asks the federation to enter them.

    Restart the relay, so that it has them at hand, before the Directory is published: it goes on under a new
    log key by itself, and under a new door from the restart after that. With neither, the card names what is
    in use and nothing else, so that a door of before ends.

    Example: mce-relay renew --log-key --out next.card --config relay/relay.toml
    """
    read = Config.read(config)
    if (log_key or door) and (read.keys / NEXT).exists():
        raise UsageError(
            f"{read.keys / NEXT} waits for its Directory",
            remedy="publish that, and restart the relay; or remove the file, if its card was never entered",
        )
    address, tiles = _places(read.keys, address)
    source = passphrase_from(passphrase_file, passphrase_fd, passphrase_credential)
    passphrase = source.read("the relay's keys")
    now = Keyring.read(read.keys, passphrase)
    made = now.renewed(log=log_key, door=door)
    card = made.card(relay_id=read.id, address=address, doors=[now.door], tiles=tiles)
    if log_key or door:
        made.write(read.keys, passphrase, file=NEXT)
    replace_file(out, card.encode())
    _say(json, {"card": str(out)}, f"Give {out} to the federation: mce directory change --relay-card {out}")
    return 0


def _places(folder: Path, address: str | None) -> tuple[str, str]:
    """Address, as given or as before, and the tiles' URL as before."""
    try:
        before = RelayCard.decode((folder / "relay.card").read_bytes()).relay
    except OSError:
        if not address:
            raise UsageError("which address do members reach it at?", remedy="give --address") from None
        return address, ""
    return address or before.address, before.tiles


@app.command(name="adopt")
def adopt_command(
    *directory: Annotated[
        Path, Parameter(help="The Directory that gives the log to these keys, after all others not logged.")
    ],
    config: ConfigFile,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_credential: Credential = None,
    json: Json = False,
) -> int:
    """Take a copied data folder for the newest there is, and log the Directory that gives it to these keys.

    Without a Directory the keys are those of before, and the copy was restored. Nobody may serve another.
    Done twice it changes nothing.

    Example: mce-relay adopt next.directory --config relay2/relay.toml
    """
    read = Config.read(config)
    if not (read.data / DATABASE).exists():
        raise UsageError(
            f"there is no log in {read.data}", remedy="copy the newest data folder of the relay before here"
        )
    source = passphrase_from(passphrase_file, passphrase_fd, passphrase_credential)
    keyring = Keyring.read(read.keys, source.read("the relay's keys"))
    succession = [server.read_directory(one) for one in directory]
    store = SqliteStore(read.data)
    store.open()
    try:
        genesis = server.read_directory(read.genesis)
        size = adopt(store, genesis, keyring.keys, NoMetrics(), succession, Known(read.anchor_file))
    finally:
        store.close()
    _say(json, {"size": size}, f"The log of {size} entries goes on here: mce-relay serve --config {config}")
    return 0


@app.command(name="check")
def check_command(
    *,
    config: ConfigFile,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_credential: Credential = None,
    deep: Annotated[
        bool, Parameter(negative="", help="Hash every byte of every attachment, which may take long.")
    ] = False,
    json: Json = False,
) -> int:
    """Look at keys, permissions, genesis, log, mail and disk; exit 1 if something has to be mended.

    Everything in the data folder is held against what was signed. The relay has to be stopped.

    Example: mce-relay check --config relay/relay.toml --passphrase-credential relay
    """
    read = Config.read(config)
    source = passphrase_from(passphrase_file, passphrase_fd, passphrase_credential)
    passphrase = source.read("the relay's keys")
    found = list(check.look(read, passphrase, deep=deep))
    lines = [f"{one.name}: {one.text}" + (f" - {one.remedy}" if one.remedy else "") for one in found]
    table = [{"name": one.name, "text": one.text, "remedy": one.remedy} for one in found]
    _say(json, {"found": table}, "\n".join(lines))
    return int(any(one.remedy for one in found))


def _say(as_json: bool, values: dict[str, object], text: str) -> None:
    print(json.dumps(values) if as_json else text)


def main() -> None:
    """The command's entry point."""
    try:
        sys.exit(app())
    except MceError as error:
        print(
            f"mce-relay: {error}\n  whose fault: {error.fault}\n  what to do: {error.remedy}", file=sys.stderr
        )
        sys.exit(EXIT[error.fault])
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
