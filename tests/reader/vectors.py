"""Vector files: JSON whose bytes are hex, or cut and joined (tests/vectors/mce1/README.md)."""

import base64
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

Json = Any


@dataclass(frozen=True)
class Vector:
    """A file with its bytes joined; `input` still holds hex."""

    path: Path
    kind: str
    expect: str
    cause: str
    says: str
    section: str
    input: dict[str, Json]
    values: dict[str, Json]


@functools.cache
def _read(path: Path) -> Json:
    return json.loads(path.read_text("utf-8"))


@functools.lru_cache(64)
def load(path: Path) -> Vector:
    """A good vector, or a fault with what it takes from its base."""
    made = _read(path)
    given: dict[str, Json] = {}
    if "base" in made:
        given = dict(load(root_of(path) / made["base"]).input)
    given |= {key: join(value, given.get(key), root_of(path)) for key, value in made["input"].items()}
    return Vector(
        path=path,
        kind=made["kind"],
        expect=made["expect"],
        cause=made.get("cause", ""),
        says=made.get("fault", made.get("says", "")),
        section=made["section"],
        input=given,
        values=join(made.get("values", {}), None, root_of(path)),
    )


def root_of(path: Path) -> Path:
    """The folder of network.json above a vector."""
    return next(folder for folder in path.resolve().parents if (folder / "network.json").exists())


def join(value: Json, base: Json, folder: Path) -> Json:
    """The value with every expression for bytes replaced by hex."""
    if isinstance(value, list):
        before = base if isinstance(base, list) else []
        return [join(one, before[at] if at < len(before) else None, folder) for at, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "join" in value:
        return "".join(_part(part, base, folder) for part in value["join"])
    if "base64" in value:
        return base64.b64decode(value["base64"], validate=True).hex()
    if "repeat" in value:
        return str(value["repeat"]) * int(value["times"])
    if "of" in value:
        found = _read(folder / value["of"])
        for step in value["at"]:
            found = found[step]
        whole = join(found, None, folder)
        return _part(value["part"], whole, folder) if "part" in value else whole
    if "aead" in value:
        cipher = ChaCha20Poly1305(bytes.fromhex(value["aead"]["key"]))
        return "".join(
            cipher.encrypt(bytes.fromhex(nonce), bytes.fromhex(join(plain, None, folder)), None).hex()
            for nonce, plain in value["aead"]["chunks"]
        )
    old = base if isinstance(base, dict) else {}
    # What a fault does not name stays as it is in its base.
    return old | {key: join(one, old.get(key), folder) for key, one in value.items()}


def _part(part: Json, base: Json, folder: Path) -> str:
    if isinstance(part, list):
        offset, length = part
        return str(base[2 * offset : 2 * (offset + length)])
    return str(join(part, None, folder))
