"""Every command explains itself with an example that parses, answers in JSON, and names its home."""

import re
import shlex
from collections.abc import Iterator

import pytest
from cyclopts import App

from mce_exchange.cli.common import app
from tests.cli.conftest import Run


def commands(of: App, names: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in of:
        if name.startswith("-"):
            continue
        # What a group does without a command of its own is one of its commands.
        below = list(commands(of[name], (*names, name)))
        yield from below or [(*names, name)]


COMMANDS = sorted(set(commands(app)))


def test_these_are_the_commands() -> None:
    wanted = {"init", "card", "join", "send", "inbox", "read", "ack", "refuse", "run", "status"}
    assert {names[0] for names in COMMANDS if len(names) == 1} >= wanted
    assert {f"evidence {one}" for one in ("export", "verify", "show")} <= {" ".join(n) for n in COMMANDS}
    assert {f"directory {one}" for one in ("genesis", "add", "sign", "publish")} <= {
        " ".join(n) for n in COMMANDS
    }


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_has_an_example_that_parses(names: tuple[str, ...], mce: Run) -> None:
    ran = mce("", *names, "--help")
    assert ran.code == 0
    text = re.sub(r"\s+", " ", ran.out)
    assert "--json" in text
    example = re.search(r"Example: mce (.*?)(?= ╭)", text)
    assert example, text
    arguments = shlex.split(example[1])
    command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    assert tuple(arguments[: len(names)]) == names
    assert callable(command)
    assert bound.arguments
