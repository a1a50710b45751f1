"""What must hold of the whole tree: no foreign names, small files, one home for the crypto libraries."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import mce_relay
import pytest

ROOT = Path(__file__).resolve().parent.parent
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")
HOSTS = ("py" + "pi", "python" + "hosted", "npm" + "js", "deb." + "debian")
MACHINE = tuple(f"/{name}/" for name in ("tmp", "work", "farm", "root"))
LONGEST = 400


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def python_files(*under: str) -> list[Path]:
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and not GENERATED.search(path.name) and _is_under(path, under)
    ]


def _is_under(path: Path, folders: tuple[str, ...]) -> bool:
    return not folders or any(path.is_relative_to(ROOT / folder) for folder in folders)


def names_imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("words", [HOSTS, MACHINE], ids=["registry hosts", "machine paths"])
def test_no_tracked_file_names_a_registry_or_this_machine(words: tuple[str, ...]) -> None:
    wrong = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}" for word in words).encode(), re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in tracked()
        if (match := wrong.search(path.read_bytes()))
    ]
    assert not found


def test_no_file_of_ours_is_long() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_public_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files("mce_exchange", "relay")
        # v1 is written by the generator
        if path.parent.name != "v1" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert not silent


def test_only_primitives_import_the_cryptographic_libraries() -> None:
    users = {
        path.parent
        for path in python_files("mce_exchange", "relay")
        if names_imported(path) & {"nacl", "cryptography"}
    }
    assert users == {ROOT / "mce_exchange" / "primitives"}


def test_only_the_relays_file_has_grpc_code() -> None:
    generated = {path.name for path in tracked() if "_pb2_grpc" in path.name}
    assert generated == {"relay_pb2_grpc.py", "relay_pb2_grpc.pyi"}


@pytest.mark.parametrize("package", ["log", "audit", "case", "directory", "sealing"])
def test_the_core_is_imported_without_grpc(package: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, mce_exchange.{package}; print('grpc' in sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
    )
    assert said.stdout.strip() == "False"


def test_no_module_warns_when_it_is_imported() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files("mce_exchange")
        if path.name != "__main__.py"
    )
    lines = "import importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in modules)
    subprocess.run([sys.executable, "-W", "error", "-c", lines], check=True, cwd=ROOT)


def test_both_distributions_have_one_version_and_are_typed() -> None:
    core, relay = (
        tomllib.loads((ROOT / name).read_text("utf-8"))["project"]
        for name in ("pyproject.toml", "relay/pyproject.toml")
    )
    assert core["version"] == relay["version"]
    assert relay["version"] == mce_relay.__version__
    assert (ROOT / "mce_exchange/py.typed").is_file()
    assert (ROOT / "relay/mce_relay/py.typed").is_file()


def test_the_generated_code_is_not_in_the_top_levels_signatures() -> None:
    """An application sees dataclasses only: the packages it imports from export no protobuf message."""
    script = (
        "import mce_exchange.case as a, mce_exchange.client.facade as b, mce_exchange.audit as c\n"
        "from google.protobuf.message import Message\n"
        "print([n for m in (a, b, c) for n, v in vars(m).items() if not n.startswith('_')"
        " and isinstance(v, type) and issubclass(v, Message)])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=ROOT
    )
    assert said.stdout.strip() == "[]"
