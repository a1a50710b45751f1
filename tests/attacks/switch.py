"""A pytest plugin that takes out one defence before anything else is imported: `--without NUMBER`."""

import importlib

import pytest

from tests.attacks.defences import DEFENCES, Defence


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without", type=int, help="the defence to take out, by its place in the table")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # Before any conftest imports what uses the defence under a name of its own.
    number = early_config.known_args_namespace.without
    if number is not None:
        take_out(DEFENCES[number])


def take_out(defence: Defence) -> None:
    """Replace it where it is defined, before those who use it import it."""
    module_name, _, path = defence.target.partition(":")
    holder = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for one in outer:
        holder = getattr(holder, one)
    without = defence.without
    # A replacement that needs the module itself is made only now.
    if getattr(without, "__name__", "") == "_any_type":
        without = without()
    if not hasattr(holder, name):
        raise AttributeError(f"{defence.target} is no defence any more")
    setattr(holder, name, without)
