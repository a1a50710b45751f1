"""Untrusted text on its way to a person: shown, never obeyed (threats H6, H11)."""

import json
import unicodedata
from typing import Final

_VISIBLE: Final = frozenset("\n")
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789\u00b9\u00b2\u00b3"}
)
_NAME_BYTES: Final = 120
# Letters and marks that show nothing: fillers and variation selectors, in which text can hide.
_UNSEEN: Final = frozenset(
    chr(code)
    for first, last in (
        (0x34F, 0x34F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def neutralise(text: str) -> str:
    """The same text with every control, format and private character shown as its number.

    So no escape sequence reaches a terminal, no override turns a line around, nothing hides. Line
    breaks stay; other separators of lines and paragraphs are shown.
    """
    return "".join(c if _harmless(c) else f"\\u{{{ord(c):x}}}" for c in text)


def one_line(text: str) -> str:
    """The same with line breaks shown too: for names and table cells."""
    return neutralise(text).replace("\n", "\\u{a}")


def inert_json(text: str) -> str:
    """A JSON text that says the same and does nothing on a terminal: such characters as JSON's escapes."""
    # Outside its strings JSON has none of them but line breaks, which stay.
    return "".join(c if _harmless(c) else json.dumps(c)[1:-1] for c in text)


def _harmless(c: str) -> bool:
    if c in _VISIBLE:
        return True
    # Cc control, Cf format (bidi, zero width), Cs surrogates, Co private, Cn unassigned, Zl/Zp separators.
    return unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and c not in _UNSEEN


def safe_name(name: str, *, number: int) -> str:
    """A file name for attachment `number` that names a file of this folder and nothing else.

    No path, no device, no leading dot, no hidden or turned text, at most 120 bytes, NFC.
    """
    normal = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(c if _harmless(c) and c not in '\n:*?"<>|' else "_" for c in normal).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    stem, suffix = (stem, dot + suffix) if dot and len(suffix.encode()) <= 10 else (kept, "")
    # Cut at once: an author's name of any length costs no more than its length.
    stem = stem.encode()[: _NAME_BYTES - len(suffix.encode())].decode(errors="ignore").rstrip(" .")
    if not stem or stem.split(".")[0].rstrip(" ").lower() in _RESERVED:
        stem = f"attachment-{number}"
    return stem + suffix
