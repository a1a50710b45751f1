"""What the verifier takes from SPEC.md and the `.proto` files: schema, limits, words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCALARS = ("bool", "bytes", "string", "uint32", "uint64")
MEMBER_IDS = ("member", "sender", "recipient", "recipients", "author")


def schema() -> dict[str, Any]:
    """Constants of the module `schema.js`, by name."""
    spec = (ROOT / "SPEC.md").read_text("utf-8")
    messages, enums = _protos()
    bounds = _bounds(_block(spec, "fields"))
    return {
        "LIMITS": _limits(_block(spec, "limits")),
        "MESSAGES": {name: _message(name, messages[name], bounds[name], enums) for name in bounds},
        "ENUMS": {name: values | {str(v): k for k, v in values.items()} for name, values in enums.items()},
        "STAGES": list(_table(spec, "### 12.4", ("stage", "proof", "event", "asserts", "asserts_not"))),
    }


def _block(spec: str, name: str) -> list[str]:
    found = re.search(rf"<!-- begin {name}:.*?```text\n(.*?)```", spec, re.DOTALL)
    if not found:
        raise SystemExit(f"SPEC.md has no table of {name}")
    return found[1].splitlines()


def _limits(lines: list[str]) -> dict[str, int]:
    rows = (re.split(r"  +", line.strip()) for line in lines)
    return {name.replace(" ", "_"): int(value.replace(",", "")) for name, value in rows}


def _protos() -> tuple[dict[str, dict[str, tuple[int, str, bool]]], dict[str, dict[str, int]]]:
    """Messages: fields by name, each with number, type and whether it repeats. Enums: values by name."""
    messages: dict[str, dict[str, tuple[int, str, bool]]] = {}
    enums: dict[str, dict[str, int]] = {}
    for path in sorted((ROOT / "protos/mce_exchange/v1").glob("*.proto")):
        if path.name in ("case.proto", "relay.proto"):
            continue
        text = re.sub(r"//.*", "", path.read_text("utf-8"))
        for kind, name, inside in re.findall(
            r"^(message|enum) (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE
        ):
            if kind == "enum":
                enums[name] = {key: int(value) for key, value in re.findall(r"(\w+) = (\d+);", inside)}
            else:
                fields = re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", inside)
                messages[name] = {
                    field: (int(number), type_, bool(many)) for many, type_, field, number in fields
                }
    return messages, enums


def _bounds(lines: list[str]) -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    last = ""
    for line in lines:
        if not line.startswith(" "):
            last = line
            found[last] = {}
            continue
        field, size, count = re.split(r"  +", line.strip())
        found[last][field] = (size.replace(",", ""), count.replace(",", ""))
    return found


def _message(
    name: str,
    fields: dict[str, tuple[int, str, bool]],
    bounds: dict[str, tuple[str, str]],
    enums: dict[str, dict[str, int]],
) -> dict[int, dict[str, Any]]:
    if fields.keys() != bounds.keys():
        raise SystemExit(
            f"{name}: SPEC.md and the .proto files differ in {sorted(fields.keys() ^ bounds.keys())}"
        )
    made: dict[int, dict[str, Any]] = {}
    for field, (number, type_, many) in fields.items():
        size, count = bounds[field]
        low, _, high = size.partition(" to ")
        times = {"required": ("1", "1"), "optional": ("0", "1")}.get(count) or count.removesuffix(
            " times"
        ).split(" to ")
        made[number] = {
            "name": field,
            "type": type_ if type_ in SCALARS else "enum" if type_ in enums else "message",
            "of": type_ if type_ not in SCALARS else "",
            "repeated": many,
            "low": low,
            "high": None if high == "any" else high or low,
            "least": int(times[0]),
            "most": int(times[1]),
            "form": _form(name, field, type_),
        }
    return made


def _form(message: str, field: str, type_: str) -> str:
    """The form of a name (SPEC section 4.1), of fields that hold one."""
    if type_ != "string":
        return ""
    if field == "country":
        return "country"
    if (message, field) == ("WitnessKey", "name"):
        return "witness"
    ids = field in MEMBER_IDS or (message in ("MemberRecord", "RelayRecord") and field == "id")
    return "id" if ids else ""


def _table(spec: str, heading: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    rows = re.findall(r"^\|(.*)\|$", spec.partition(heading)[2].partition("\n##")[0], re.MULTILINE)
    for row in rows[2:]:
        yield dict(zip(columns, (cell.strip() for cell in row.split("|")), strict=True))
