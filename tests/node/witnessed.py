"""A federation whose three hotlines witness, two of them for a quorum; and their homes."""

from dataclasses import replace
from pathlib import Path

from mce_exchange.directory.compose import Draft
from mce_exchange.directory.model import Life, Living
from mce_exchange.log.anchor import Cosigner, Quorum
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from tests.federation import Federation
from tests.node.conftest import World


def cosigner(member: str, name: str = "") -> Cosigner:
    """Keys from a small seed."""
    seed = (f"witness {name or member}".encode() * 32)[:32]
    return Cosigner(
        name=name or member,
        member=member,
        ed25519=Ed25519Key.from_seed(seed),
        ml_dsa_44=MlDsa44Key.from_seed(seed),
    )


class Witnessed(Federation):
    """Two of three."""

    def draft(self) -> Draft:
        keys = [Living(value=cosigner(one).public, life=Life(added=0)) for one in self.people]
        return replace(super().draft(), witness_keys=keys, quorum=Quorum(2, 3))


class WitnessedWorld(World):
    """Every home holds its witness's keys."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Witnessed())
        for member in self.federation.people:
            home = self.home(member)
            with home.database.write():
                home.witness.put(cosigner(member))
            home.close()
