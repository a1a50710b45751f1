"""`mce directory exercise`: a training federation in one command, by the same steps as the real one."""

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.directory.common import ROOT_LABEL, read, read_public, written
from mce_exchange.cli.directory.roots import make_key, public_path
from mce_exchange.client import joining
from mce_exchange.client.address import read_address
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living, Member
from mce_exchange.directory.records import Bundle, RelayCard, decode_card
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.keyfile import read_keyfile, replace_file
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.vault import Cost
from mce_exchange.store.home import Home

_ROOTS: Final = 3
_THRESHOLD: Final = 2


def exercise(
    folder: Annotated[Path, Parameter(help="The folder for everything; nothing in it is overwritten.")],
    *,
    member: Annotated[list[str], Parameter(help="Ids of the hotlines.")],
    address: Annotated[str, Parameter(help="host:port of the relay.")] = "127.0.0.1:7116",
    name: Annotated[str, Parameter(help="The network's name.")] = "Exercise",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make a training federation: three roots of which two sign, a relay, and homes that have joined.

    Its network id is its own, so nothing of it counts anywhere else. One passphrase opens all of it.

    Example: mce directory exercise training --member be --member pt
    """
    names = ["roots", "relay", *member]
    if len(set(names)) != len(names):
        raise UsageError("every hotline needs an id of its own, and neither roots nor relay")
    for one in names:
        if (folder / one).exists():
            raise UsageError(
                f"{folder / one} exists: nothing was overwritten", remedy="choose another folder"
            )
    # Before anything is written: half an exercise would have to be thrown away by hand.
    read_address(address)
    made = [_member(one) for one in member]
    passphrase = secret.read(f"everything in {folder}", confirm=True)
    (folder / "roots").mkdir(mode=0o700, parents=True)
    roots = [folder / "roots" / f"root{number}.key" for number in range(1, _ROOTS + 1)]
    for path in roots:
        make_key(path, passphrase, label=ROOT_LABEL, cost=Cost.INTERACTIVE)
    card = _relay(folder / "relay", address, passphrase)
    members = [_home(folder / one.member, one, passphrase) for one in made]
    bundle = _genesis(name, roots, card, members)
    for path in roots[:_THRESHOLD]:
        bundle = compose.sign_directory(
            bundle, PrivateKey.from_seed(read_keyfile(path, passphrase, label=ROOT_LABEL))
        )
    file = folder / "relay" / "genesis.directory"
    replace_file(file, bundle.encode())
    pinned = trust.network_id_of(compose.body_of(bundle.statement)[0])
    for one in member:
        home = Home.open(folder / one, passphrase)
        try:
            joining.join(home, [read(file)], pinned=pinned)
        finally:
            home.close()
    written(common, bundle, file)
    if not common.json:
        runs = "\n".join(f"      mce run --home {folder / one}" for one in member)
        common.say({}, f"Next: mce-relay serve --config {folder / 'relay' / 'relay.toml'}\n{runs}")
    return 0


def _relay(home: Path, address: str, passphrase: str) -> RelayCard:
    """By the relay's own command: its keys are made by the code that will use them."""
    command = Path(sys.executable).with_name("mce-relay")
    reading, writing = os.pipe()
    try:
        os.write(writing, passphrase.encode())
        os.close(writing)
        arguments = ["init", "--home", str(home), "--id", "relay", "--address", address, "--listen", address]
        done = subprocess.run(
            [str(command), *arguments, "--quick", "--passphrase-fd", str(reading)],
            pass_fds=[reading],
            capture_output=True,
            text=True,
        )
    except OSError:
        raise UsageError(
            "mce-relay is not installed here", remedy="install mce-exchange-relay beside mce-exchange"
        ) from None
    finally:
        os.close(reading)
    if done.returncode:
        raise StoreError(f"mce-relay init ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return RelayCard.decode(read(home / "relay.card"))


def _member(id: str) -> joining.NewMember:
    return joining.new_member(member=id, name=f"Exercise {id}", country="", phone="", role="hotline")


def _home(path: Path, made: joining.NewMember, passphrase: str) -> Member:
    home = Home.create(path, passphrase, cost=Cost.INTERACTIVE)
    try:
        made.move_in(home)
    finally:
        home.close()
    return decode_card(made.card)


def _genesis(name: str, roots: list[Path], card: RelayCard, members: list[Member]) -> Bundle:
    draft = Draft(
        name=name,
        exercise=True,
        root_keys=tuple(new_key(read_public(public_path(path))) for path in roots),
        root_threshold=_THRESHOLD,
        members=members,
        relays=(card.relay,),
        log_keys=(Living(value=card.log_key, life=Life(added=0)),),
    )
    return compose.genesis(draft, random=secrets.token_bytes(32), now_minutes=int(time.time() // 60))
