"""Statements of the log changed and signed again for a fault."""

from collections.abc import Iterator

from tools.vectors import raw
from tools.vectors.files import Fault
from tools.vectors.world import SIGNERS, World, signers

Made = Iterator[tuple[str, Fault]]
"""The good vector's name, and the fault."""


class Signing:
    """Bodies of the world changed and signed again."""

    def __init__(self, world: World) -> None:
        self.world = world

    def again(self, entry: str, how: raw.Change, *keys: str, type_: str = "") -> bytes:
        """An entry's body changed, its signers replaced, and signed."""
        one = self.world.entry(entry)[1].statement
        body = raw.change(one.body, (), how)
        if keys:
            body = raw.change(body, (), lambda fields: [field for field in fields if field.number != 1])
            named = [raw.Field(1, raw.LENGTH, key) for key in signers(*keys)]
            body = raw.change(body, (), lambda fields: [*named, *fields])
        by = keys or self.signed_by(entry)
        return self.world.sign(type_ or one.type, body, *by).raw

    def signed_by(self, entry: str) -> tuple[str, ...]:
        """The names of its keys."""
        ids = {key.public.id: name for name, key in SIGNERS.items()}
        return tuple(ids[one] for one in self.world.entry(entry)[1].statement.signers)


def same(fields: raw.Fields) -> raw.Fields:
    """The body as it is."""
    return fields
