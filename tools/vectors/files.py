"""Vector files: a good artefact with every value by its name, and one fault each cut from one of them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools.vectors import expression

Json = Any
Input = Mapping[str, Any]
"""Bytes, text and numbers by name, in lists and mappings."""


@dataclass(frozen=True)
class Written:
    """Bytes that the file writes in its own way: `json` evaluates to them."""

    json: Json


KNOWN: dict[bytes, Json] = {}
"""What stands in network.json, by its bytes: other files refer to it."""


class Shown(bytes):
    """Bytes that the file writes in its own way."""

    written: Written


def shown(data: bytes, json_: Json) -> Shown:
    """These bytes, written so."""
    made = Shown(data)
    made.written = Written(json_)
    return made


@dataclass(frozen=True, kw_only=True)
class Good:
    """A vector that every reader accepts; `values` are what it derives on the way."""

    name: str
    kind: str
    section: str
    says: str
    input: Input
    values: Input = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault: what of the base's input is replaced, and the code that every reader refuses it with."""

    name: str
    expect: str
    section: str
    says: str
    input: Input
    cause: str = ""


Faults = Iterator[Fault]


def good_json(one: Good) -> Json:
    """The file of a good vector; the network's holds its bytes itself."""
    made = {"kind": one.kind, "says": one.says, "section": one.section, "expect": "accept"}
    given = _value(one.input, None, whole=one.kind == "network")
    return {**made, "input": given, "values": _value(one.values, None)}


def fault_json(one: Fault, base: Good) -> Json:
    """The file of a fault."""
    made: dict[str, Json] = {"kind": base.kind, "fault": one.says, "section": one.section}
    made["expect"] = one.expect
    if one.cause:
        made["cause"] = one.cause
    made["base"] = f"{base.name}.json"
    made["input"] = _value(one.input, base.input)
    return made


def _value(value: Any, base: Any, *, whole: bool = False) -> Json:
    if isinstance(value, Written):
        return value.json
    if isinstance(value, Shown):
        return value.written.json
    if isinstance(value, bytes):
        if value in KNOWN and not whole:
            return KNOWN[value]
        return (
            expression.cut(value, base) if isinstance(base, bytes) and len(base) > _LEAST else _plain(value)
        )
    if isinstance(value, Mapping):
        named = base if isinstance(base, Mapping) else {}
        changed = {key: one for key, one in value.items() if key not in named or named[key] != one}
        return {key: _value(one, named.get(key), whole=whole) for key, one in changed.items()}
    if isinstance(value, list | tuple):
        old = base if isinstance(base, list | tuple) else ()
        return [_value(one, old[at] if at < len(old) else None, whole=whole) for at, one in enumerate(value)]
    return value


_LEAST: Final = 64


def _plain(value: bytes) -> Json:
    return expression.plain(value)


def write(path: Path, made: Json) -> None:
    """One value a line, but an offset and its length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(made, indent=1, ensure_ascii=True)
    path.write_text(re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text) + "\n")
