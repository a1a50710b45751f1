"""The two Directories, and how a version is changed, summed up and signed again for a fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from mce_exchange.directory import trust
from mce_exchange.log import merkle
from mce_exchange.statement import Block, Statement
from tools.vectors import expression, raw
from tools.vectors.files import Fault, Written
from tools.vectors.world import SIGNERS, World, forge

SECOND: Final = {"of": "directory-by-one.json", "at": ["input", "versions", "2", "statement"]}
MEMBERS: Final = ("audit", "be", "es", "fr", "pt")
Path = tuple[tuple[int, int], ...]
Records = Sequence[bytes]


@dataclass(frozen=True)
class Version:
    """A body and its member records."""

    body: bytes
    members: tuple[bytes, ...]

    def with_body(self, how: raw.Change, *path: tuple[int, int]) -> "Version":
        """The body, or the message at `path` in it, changed."""
        return Version(raw.change(self.body, path, how), self.members)

    def with_members(self, members: Records, *, root: bytes | None = None) -> "Version":
        """Other records, committed to."""
        made = merkle.root(list(map(merkle.leaf_hash, members))) if root is None else root
        body = raw.change(self.body, (), raw.put(8, made))
        return Version(raw.change(body, (), raw.put(9, len(members))), tuple(members))

    def with_member(self, name: str, how: raw.Change, *path: tuple[int, int]) -> "Version":
        """One record changed, and committed to."""
        at = MEMBERS.index(name)
        return self.with_members(
            [raw.change(one, path, how) if n == at else one for n, one in enumerate(self.members)]
        )


@dataclass(frozen=True)
class Base:
    """Genesis and successor as logged."""

    world: World

    @property
    def first(self) -> Version:
        """Version 1."""
        one = self.world.entries[0]
        return Version(one.statement.body, one.members)

    @cached_property
    def second(self) -> Version:
        """Version 2, but still with a threshold of one: a fault in it takes one signature."""
        one = self.world.entry("directory-2")[1]
        return Version(raw.change(one.statement.body, (), raw.put(7, 1)), one.members)

    @cached_property
    def signed(self) -> tuple[Block, ...]:
        """Its block."""
        return self.blocks(self.second.body)

    @property
    def raised(self) -> Version:
        """Version 2 as logged, with a threshold of two."""
        one = self.world.entry("directory-2")[1]
        return Version(one.statement.body, one.members)

    def third(self) -> Version:
        """Version 3 after the good version 2, in which nothing has changed."""
        id_ = Statement("directory", self.second.body, ()).id(self.world.network_id)
        made = self.second.with_body(raw.put(1, 3)).with_body(raw.put(2, id_)).with_body(raw.drop(17))
        return made.with_body(raw.put(14, b"\0" + raw.varint(self.index)))

    def blocks(self, body: bytes, *keys: str, **how: Any) -> tuple[Block, ...]:
        """Blocks of these keys, ascending by key id; by default of the first root."""
        network = how.get("network", self.world.network_id)
        by = [SIGNERS[key] for key in keys or ("root-1",)]
        made = forge(how.get("type_", "directory"), body, by, network_id=network).blocks
        return tuple(sorted(made, key=lambda block: block.signer))

    @cached_property
    def whole(self) -> dict[str, Any]:
        """The good versions: the genesis, and version 2."""
        one = self.world.entries[0]
        first = {"index": 0, "statement": one.raw, "members": list(one.members)}
        return {"1": first, "2": self.version(self.index, self.second, self.signed)}

    @property
    def index(self) -> int:
        """Of version 2."""
        return self.world.entry("directory-2")[0]

    def next(
        self, version: Version, *keys: str, blocks: Sequence[Block] | None = None, number: int = 2
    ) -> dict[str, Any]:
        """Input of a vector in which this version follows the genesis, or the good version 2."""
        signed = self.blocks(version.body, *keys) if blocks is None else tuple(blocks)
        made = self.version(self.index + 2 * (number - 2), version, signed)
        if number > 2:
            # No base holds a third version: in terms of the good second one.
            second = self.whole["2"]["statement"]
            made["statement"] = Written(expression.within(made["statement"], second, SECOND))
        return {"versions": {str(number): made}}

    def unsigned(self, version: Version) -> dict[str, Any]:
        """The same with the good version's blocks: for faults that show before the signatures."""
        return self.next(version, blocks=self.signed)

    def genesis(self, version: Version) -> dict[str, Any]:
        """Input of a vector whose genesis is this one, and pinned."""
        network = trust.network_id_of(version.body)
        signed = self.blocks(version.body, network=network)
        return {"network_id": network, "versions": {"1": self.version(0, version, signed)}}

    @staticmethod
    def version(index: int, version: Version, blocks: Sequence[Block]) -> dict[str, Any]:
        """One of a vector's versions."""
        made = Statement("directory", version.body, tuple(blocks)).raw
        return {"index": index, "statement": made, "members": list(version.members)}


def fault(name: str, cause: str, section: str, says: str, given: dict[str, Any]) -> Fault:
    """Whatever is wrong with a Directory is `directory`; `cause` says what for."""
    return Fault(name=name, expect="directory", cause=cause, section=section, says=says, input=given)
