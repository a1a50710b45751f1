"""Secrets, tags and digests are compared in constant time, everywhere (threat E15)."""

import ast
import importlib.util
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("mce_exchange", "relay/mce_relay")
# What is secret, what binds a secret, what a forger would guess byte by byte.
NAMES = re.compile(
    r"(^|_)(secrets?|seeds?|content_keys?|passphrase|commitments?|digests?|roots?|tags?|mac|core_hash"
    r"|message_ref|fingerprint|sha256|leaf_hash)$"
)


def source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec
    assert isinstance(spec.loader, SourceFileLoader)
    text = spec.loader.get_source(module)
    assert text is not None
    return text


def modules() -> list[str]:
    found = []
    for package in PACKAGES:
        base = ROOT / package
        for path in sorted(base.rglob("*.py")):
            if "_pb2" not in path.name and path.name != "__main__.py":
                parts = path.relative_to(base.parent).with_suffix("").parts
                found.append(".".join(parts).removesuffix(".__init__"))
    return found


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return name_of(node.func)
    if isinstance(node, ast.Subscript):
        return name_of(node.value)
    return ""


def banned(text: str) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        by_value = any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops)
        # A length, or a comparison with a constant of ours, gives nothing away.
        if by_value and not any(isinstance(side, ast.Constant) for side in sides):
            names = [name for side in sides if NAMES.search(name := name_of(side))]
            if names:
                found.append((node.lineno, ast.unparse(node)))
    return found


@pytest.mark.parametrize("module", modules())
def test_e15_no_secret_is_compared_by_value(module: str) -> None:
    assert banned(source(module)) == []


@pytest.mark.parametrize(
    "line",
    [
        "if digest == other: pass",
        "ok = one.commitment != stream.commitment",
        "if sha256(wrap) == listed: pass",
        "if root in known: pass",
        "while a < b == content_key: pass",
        "if tree.root(size) != anchor.root: pass",
    ],
)
def test_the_rule_sees_what_it_bans(line: str) -> None:
    assert banned(line)
    assert not banned("if len(digest) != 32 or kind == 'root' or equal(digest, other): pass")
