"""Small ES modules as one script: each a function called once, in the order of their imports.

Of the language's module syntax only what the sources use is known, and anything else refused:
`import { a, b } from "./x.js";` and `export` before a function, class or constant.
"""

import json
import re
from pathlib import Path
from typing import Any

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def bundle(entry: Path, constants: dict[str, Any]) -> str:
    """The script of `entry` and everything it imports; a `schema.js` holds the constants."""
    done: dict[Path, str] = {}
    parts: list[str] = ['"use strict";']
    _add(entry.resolve(), constants, done, parts, ())
    return "\n".join(parts) + "\n"


def _add(
    path: Path, constants: dict[str, Any], done: dict[Path, str], parts: list[str], above: tuple[Path, ...]
) -> None:
    if path in above:
        raise SystemExit(f"{path.name} imports itself by way of others")
    if path in done:
        return
    source = _source(path, constants)
    for _, target in IMPORT.findall(source):
        _add((path.parent / target).resolve(), constants, done, parts, (*above, path))
    name = done[path] = f"module_{len(done)}"
    exported = EXPORT.findall(source)
    body = EXPORT.sub("", IMPORT.sub(lambda found: _bound(found, path, done), source))
    left = LEFT.search(body)
    if left:
        raise SystemExit(f"{path.name}: {left[0]}")
    returned = f"return {{ {', '.join(exported)} }};"
    parts.append(f"// {path.name}\nconst {name} = (() => {{\n{body.strip()}\n{returned}\n}})();")


def _source(path: Path, constants: dict[str, Any]) -> str:
    if path.name == "schema.js":
        return "".join(
            f"export const {name} = {json.dumps(value, separators=(',', ':'), ensure_ascii=True)};\n"
            for name, value in constants.items()
        )
    return path.read_text("utf-8")


def _bound(found: re.Match[str], path: Path, done: dict[Path, str]) -> str:
    names = ", ".join(name.strip() for name in found[1].split(",") if name.strip())
    return f"const {{ {names} }} = {done[(path.parent / found[2]).resolve()]};"
