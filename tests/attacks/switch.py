"""A pytest plugin that takes one defence out of the code as it is imported: `--without NUMBER`."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.attacks.cuts import ROOT, Cut
from tests.attacks.defences import DEFENCES


class _Loader(SourceFileLoader):
    """Source with the cuts made; no bytecode is read or written."""

    cuts: tuple[Cut, ...] = ()

    def get_data(self, path: str) -> bytes:
        text = super().get_data(path).decode()
        for cut in self.cuts:
            text = cut.made(text)
        return text.encode()

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_data(self.path), self.path, "exec", dont_inherit=True)


class _Finder:
    """First of the finders; it knows the files that have a cut and no others."""

    def __init__(self, cuts: tuple[Cut, ...]) -> None:
        self._cuts = cuts

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None:
            return None
        cuts = tuple(cut for cut in self._cuts if Path(spec.origin) == ROOT / cut.file)
        if not cuts:
            return None
        loader = _Loader(name, spec.origin)
        loader.cuts = cuts
        spec.loader = loader
        return spec


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without", type=int, help="the defence to take out, by its place in the table")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # Before any conftest imports what is to be changed.
    number = early_config.known_args_namespace.without
    if number is not None:
        early = [name for name in sys.modules if name.startswith(("mce_exchange", "mce_relay"))]
        assert not early, early
        sys.meta_path.insert(0, _Finder(DEFENCES[number].cuts))
