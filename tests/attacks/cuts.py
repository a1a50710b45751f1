"""A defence and the cut that takes it out: lines of the code as they stand, and what remains of them."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Cut:
    """In one file, text that stands there just once, and what is to stand there instead."""

    file: str
    old: str
    new: str

    def made(self, text: str) -> str:
        """The file's text without the defence."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {text.count(self.old)} times: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Defence:
    """An attack's id, the test (a pytest node id), and the cuts after which it must fail.

    `shows` is what the failing test must print: by default that something was let through.
    """

    id: str
    test: str
    cuts: tuple[Cut, ...]
    shows: str = r"DID NOT RAISE|^E +(assert|AssertionError)"


NODE = "tests/node/test_"


def without(id_: str, test: str, *cuts: tuple[str, str, str], shows: str | None = None) -> Defence:
    """A defence of an attack, by its cuts: file, lines, what remains of them."""
    made = tuple(Cut(*cut) for cut in cuts)
    if test.startswith(NODE):
        # What must not come is not waited for as long as on a slow day.
        made += (Cut("tests/node/test_exchange.py", "SOON = 20.0", "SOON = 6.0"),)
    return Defence(id_, test, made) if shows is None else Defence(id_, test, made, shows)
