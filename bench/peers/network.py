"""A synthetic federation in a folder, by the library's own acts; its relay runs as the real command."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mce_relay.config import template
from mce_relay.keyring import Keyring

from bench.peers.processes import Server, free_port, serving
from mce_exchange.client import joining
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living, Member
from mce_exchange.directory.records import decode_card
from mce_exchange.keyfile import replace_file
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.vault import Cost
from mce_exchange.store.home import Home

PASSPHRASE: Final = "a synthetic passphrase"
_MOST: Final = 10**9


class Network:
    """One root, one relay, a home for each member; quotas are lifted."""

    def __init__(self, folder: Path, members: Sequence[str]) -> None:
        self.folder = folder
        self._port = free_port()
        relay = folder / "relay"
        relay.mkdir(mode=0o700)
        keyring = Keyring.generate()
        card = keyring.card(relay_id="relay", address=f"127.0.0.1:{self._port}")
        keyring.write(relay, PASSPHRASE, cost=Cost.INTERACTIVE)
        (folder / "passphrase").write_text(PASSPHRASE + "\n")
        homes = {member: self._create(member) for member in members}
        root = PrivateKey.generate()
        draft = Draft(
            name="Synthetic exercise",
            exercise=True,
            root_keys=(new_key(root.public),),
            root_threshold=1,
            members=tuple(made for _, made in homes.values()),
            relays=(card.relay,),
            log_keys=(Living(value=card.log_key, life=Life(added=0)),),
        )
        bundle = compose.genesis(draft, random=os.urandom(32), now_minutes=int(time.time() // 60))
        bundle = compose.sign_directory(bundle, root, network_id=None)
        replace_file(relay / "genesis.directory", bundle.encode())
        pinned = trust.network_id_of(compose.body_of(bundle.statement)[0])
        for home, _ in homes.values():
            joining.join(home, [bundle.encode()], pinned=pinned)
            home.close()
        replace_file(relay / "relay.toml", self._config().encode())

    def _create(self, member: str) -> tuple[Home, Member]:
        made = joining.new_member(
            member=member, name=f"Synthetic {member}", country="", phone="+3200", role="hotline"
        )
        home = Home.create(self.folder / member, PASSPHRASE, cost=Cost.INTERACTIVE)
        made.move_in(home)
        return home, decode_card(made.card)

    def _config(self) -> str:
        """The first configuration of `mce-relay init`, with quotas that a bench does not reach."""
        head, _, _ = template(relay_id="relay", listen=f"127.0.0.1:{self._port}").partition("[quotas]")
        names = ("messages_per_day", "statements_per_day", "pending_per_recipient")
        return head + "[quotas]\n" + "".join(f"{name} = {_MOST}\n" for name in names)

    @contextmanager
    def relay(self) -> Iterator[Server]:
        """`mce-relay serve` until the block ends."""
        log = self.folder / "relay.log"
        command = [str(Path(sys.executable).parent / "mce-relay"), "serve"]
        arguments = ["--config", self.folder / "relay/relay.toml"]
        secret = ["--passphrase-file", self.folder / "passphrase"]
        with serving(
            [*command, *map(str, (*arguments, *secret))],
            ready=lambda: b'"ready"' in log.read_bytes(),
            log=log,
        ) as server:
            yield server
