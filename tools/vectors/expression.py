"""Bytes as a vector file writes them, which tests/vectors/mce1/README.md explains.

Hex, or cut and joined from other bytes: what one fault changes is little, and a file shows just that.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

Json = Any
_WINDOW: Final = 16
_RUN: Final = 48
_TIMES: Final = 8
_LONG: Final = 512


def cut(data: bytes, base: bytes) -> Json:
    """`data` in terms of `base`."""
    parts: list[Json] = []
    for part, times in _counted(_parts(data, base)):
        if times > _TIMES:
            again = part if isinstance(part, bytes) else base[part[0] : sum(part)]
            parts.append({"repeat": again.hex(), "times": times})
        else:
            parts += (_hex(part) if isinstance(part, bytes) else [part]) * times
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], list) else {"join": parts}


def within(data: bytes, other: bytes, where: Json) -> Json:
    """`data` in terms of another file's value."""
    parts = [[part] if isinstance(part, list) else _hex(part) for part in _parts(data, other)]
    joined = [{**where, "part": one} if isinstance(one, list) else one for part in parts for one in part]
    return {"join": joined}


def _counted(parts: Iterator[bytes | list[int]]) -> Iterator[tuple[bytes | list[int], int]]:
    for _, same in itertools.groupby(parts, key=repr):
        found = list(same)
        yield found[0], len(found)


def plain(data: bytes) -> Json:
    """`data` as hex, runs written short."""
    parts = _hex(data)
    return {"join": parts} if len(parts) > 1 else (parts or [""])[0]


def _hex(data: bytes) -> list[Json]:
    found: list[Json] = []
    at = 0
    for run in re.finditer(rb"(.)\1{%d,}" % (_RUN - 1), data, re.DOTALL):
        if run.start() > at:
            found.append(_literal(data[at : run.start()]))
        found.append({"repeat": run[1].hex(), "times": len(run[0])})
        at = run.end()
    return [*found, _literal(data[at:])] if at < len(data) else found


def _literal(data: bytes) -> Json:
    # What nobody reads by eye is written shorter.
    return data.hex() if len(data) <= _LONG else {"base64": base64.b64encode(data).decode()}


@lru_cache(8)
def _windows(base: bytes) -> dict[bytes, int]:
    # The first place of each window, so that a part is taken from where it stands alone.
    return {base[at : at + _WINDOW]: at for at in range(len(base) - _WINDOW, -1, -1)}


def _parts(data: bytes, base: bytes) -> Iterator[bytes | list[int]]:
    windows = _windows(base)
    at = begun = 0
    while at < len(data):
        found = windows.get(data[at : at + _WINDOW])
        if at == begun and data[at : at + _WINDOW] == base[at : at + _WINDOW] and len(data) - at >= _WINDOW:
            found = at
        if found is None:
            at += 1
            continue
        length = _common(data, at, base, found)
        if begun < at:
            yield data[begun:at]
        yield [found, length]
        at += length
        begun = at
    if begun < len(data):
        yield data[begun:]


def _common(data: bytes, at: int, base: bytes, found: int) -> int:
    most = min(len(data) - at, len(base) - found)
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if data[at : at + middle] == base[found : found + middle]:
            low = middle
        else:
            high = middle - 1
    return low
