"""Commands that are loaded when they are called: an auditor's installation lacks what a node needs."""

import ast
import importlib.util
from importlib.abc import InspectLoader
from typing import Final

from cyclopts import App

from mce_exchange.errors import MceError, UsageError

# What only the extra `node` installs.
_NODE: Final = frozenset({"apsw", "grpc", "grpc_status", "google.rpc", "prometheus_client"})


def add(app: App, *paths: str) -> None:
    """Add commands, each as "module:function". Their help is read from the source, which is not run."""
    for path in paths:
        module, _, function = path.partition(":")
        app.command(path, help=_docstring(module, function))


def missing(error: ImportError) -> MceError | None:
    """What a command lacks that is no part of this installation; None for a defect of ours."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name in _NODE:
            return UsageError(
                f"this command needs a node's part of the software: {cause.name} is not installed",
                remedy="install mce-exchange[node]",
            )
        cause = cause.__cause__
    return None


def _docstring(module: str, function: str) -> str:
    spec = importlib.util.find_spec(module)
    if spec is None or not isinstance(spec.loader, InspectLoader):
        raise ImportError(f"no module {module}")
    tree = ast.parse(spec.loader.get_source(module) or "")
    found = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function)
    return next((ast.get_docstring(one) or "" for one in found), "")
