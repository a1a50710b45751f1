"""`python -m tools.verifier`: write docs/verify.html and its digest in SPEC.md; `--check` compares only.

The page follows from its sources, SPEC.md and the `.proto` files byte for byte, on any machine.
"""

import argparse
import base64
import hashlib
import re
import sys
from pathlib import Path

from mnemonic import Mnemonic

from tools.verifier.bundle import bundle
from tools.verifier.schema import ROOT, schema

HERE = Path(__file__).resolve().parent
PAGE = ROOT / "docs/verify.html"
SPEC = ROOT / "SPEC.md"
DIGEST = re.compile(
    r"(?<=<!-- begin verifier: written by tools/verifier -->\n)[^\n]*(?=\n<!-- end verifier -->)"
)


def script(entry: Path) -> str:
    """The script of a module and all it imports."""
    words = " ".join(Mnemonic("english").wordlist)
    return bundle(entry, {**schema(), "WORDS": words})


def page(text: str) -> str:
    """The page around a script: it loads nothing, and runs this script and style alone."""
    style = (HERE / "style.css").read_text("utf-8")
    if "</" in style or "</script" in text.lower() or "<!--" in text:
        raise SystemExit("a source would end its element")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types; "
        f"script-src {_hashed(text)}; style-src {_hashed(style)}"
    )
    made = (HERE / "page.html").read_text("utf-8")
    for name, value in (("policy", policy), ("style", style), ("script", text)):
        before, _, after = made.partition("{{" + name + "}}")
        made = before + value + after
    return made


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(prog="python -m tools.verifier", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if the page is not fresh"
    )
    check = parser.parse_args().check
    made = page(script(HERE / "src/main.js")).encode()
    old = SPEC.read_text("utf-8")
    digest = hashlib.sha256(made).hexdigest()
    line = f"`docs/verify.html` of this version: SHA-256 `{digest}`, {len(made)} bytes."
    spec, count = DIGEST.subn(line, old)
    if count != 1:
        raise SystemExit("SPEC.md has no place for the digest")
    if check:
        if not PAGE.exists() or PAGE.read_bytes() != made or spec != old:
            print("docs/verify.html is not fresh, run `python -m tools.verifier`", file=sys.stderr)
            return 1
        return 0
    PAGE.write_bytes(made)
    SPEC.write_text(spec, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
