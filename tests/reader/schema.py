"""The field table: numbers and types from protos/, bounds from SPEC.md section 10."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ("statement", "envelope", "directory", "log", "evidence")
NUMBERS = ("uint32", "uint64", "bool")


@dataclass(frozen=True)
class Field:
    """One field: how it is encoded, how long or large it may be, how often it stands."""

    name: str
    number: int
    type: str
    repeated: bool
    low: int
    high: int | None
    least: int
    most: int
    enum: frozenset[int] | None = None

    @property
    def numeric(self) -> bool:
        return self.type in NUMBERS or self.enum is not None


Message = dict[int, Field]


@functools.cache
def messages() -> dict[str, Message]:
    """Every message of the signed and evidence protos, by name."""
    texts = [
        re.sub(r"//[^\n]*", "", (ROOT / f"protos/mce_exchange/v1/{name}.proto").read_text("utf-8"))
        for name in FILES
    ]
    text = "\n".join(texts)
    enums = {
        name: frozenset(int(value) for value in re.findall(r"=\s*(\d+)\s*;", body))
        for name, body in re.findall(r"\benum\s+(\w+)\s*\{([^}]*)\}", text)
    }
    bounds = _bounds((ROOT / "SPEC.md").read_text("utf-8"))
    return {
        name: _message(name, body, enums, bounds.get(name, {}))
        for name, body in re.findall(r"\bmessage\s+(\w+)\s*\{([^}]*)\}", text)
    }


def _message(
    name: str,
    body: str,
    enums: dict[str, frozenset[int]],
    bounds: dict[str, tuple[int, int | None, int, int]],
) -> Message:
    found: Message = {}
    for repeated, type_, field, number in re.findall(r"(repeated\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)\s*;", body):
        if field not in bounds:
            raise LookupError(f"SPEC.md section 10 has no bound for {name}.{field}")
        low, high, least, most = bounds[field]
        found[int(number)] = Field(
            field, int(number), type_, bool(repeated), low, high, least, most, enums.get(type_)
        )
    return found


def _bounds(spec: str) -> dict[str, dict[str, tuple[int, int | None, int, int]]]:
    table = spec.partition("<!-- begin fields")[2].partition("<!-- end fields")[0]
    found: dict[str, dict[str, tuple[int, int | None, int, int]]] = {}
    message = ""
    for line in table.splitlines():
        if re.fullmatch(r"\w+", line):
            message = line
            found[message] = {}
        elif match := re.fullmatch(r"    (\w+) +(any|[\d,]+)(?: to (any|[\d,]+))? {2,}(\S.*)", line):
            low = _number(match[2])
            high = _number(match[3]) if match[3] else low
            found[message][match[1]] = (low or 0, high, *_times(match[4]))
    return found


def _number(text: str) -> int | None:
    return None if text == "any" else int(text.replace(",", ""))


def _times(text: str) -> tuple[int, int]:
    if text in ("required", "optional"):
        return int(text == "required"), 1
    match = re.fullmatch(r"(\d+) to ([\d,]+) times", text)
    if not match:
        raise LookupError(f"SPEC.md section 10: {text!r}")
    return int(match[1]), int(match[2].replace(",", ""))


@functools.cache
def limit(name: str) -> int:
    """A cap of the first table of section 10."""
    spec = (ROOT / "SPEC.md").read_text("utf-8")
    table = spec.partition("<!-- begin limits")[2].partition("<!-- end limits")[0]
    match = re.search(rf"^{re.escape(name)} {{2,}}([\d,]+)$", table, re.MULTILINE)
    if not match:
        raise LookupError(f"SPEC.md section 10 has no cap {name!r}")
    return int(match[1].replace(",", ""))
