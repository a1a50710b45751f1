"""Text of strangers: shown, never obeyed, never a path (threats H5, H6, H11)."""

import json
import re
import subprocess
import sys
import unicodedata
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mce_exchange import case
from mce_exchange.cli.common import COMMON
from mce_exchange.cli.directory.roots import make_key, public_path, sheet
from mce_exchange.primitives.vault import Cost
from mce_exchange.text import inert_json, neutralise, one_line, safe_name
from tests.audit.case import Case
from tests.node.conftest import SCENARIO

ATTACKS = {
    "clear_screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;Zm9v\x07",
    "c1": "\x9b31m",
    "carriage_return": "be\rpt",
    "backspace": "pt\x08\x08be",
    "newline": "one\nFORGED: two",
    "line_separator": "one\u2028two",
    "right_to_left": "photo\u202egnp.exe",
    "isolate": "\u2067be\u2069",
    "zero_width": "b\u200be",
    "tag_characters": "be\U000e0041",
    "filler": "be\u3164",
    "nul": "be\0",
    "surrogate": "be\ud800",
}
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> bool:
    return not any(
        c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in text
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_h11_what_could_act_is_shown_as_its_number(attack: str) -> None:
    text = ATTACKS[attack]
    assert harmless(neutralise(text))
    assert "\n" not in one_line(text)
    assert one_line("José Ødegård ‘ok’ 东京 بيت") == "José Ødegård ‘ok’ 东京 بيت"


@pytest.mark.parametrize("attack", ATTACKS)
def test_h11_json_says_the_same_and_does_nothing(attack: str) -> None:
    text = json.dumps({"name": ATTACKS[attack]}, ensure_ascii=False)
    assert harmless(inert_json(text))
    assert json.loads(inert_json(text)) == {"name": ATTACKS[attack]}


def poisoned(value: Any, text: str) -> Any:
    """The same message with this text in every field that holds one."""
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(one, text) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            f.name: poisoned(getattr(value, f.name), text) for f in fields(value) if f.name != "unknown"
        }
        return replace(value, **changed)
    return value


@pytest.mark.parametrize("attack", ATTACKS)
def test_h11_every_field_of_a_case_is_inert_in_a_terminal(attack: str) -> None:
    text = ATTACKS[attack]
    for message in (SCENARIO.report(b"photo"), SCENARIO.sighting(), SCENARIO.update(), SCENARIO.request()):
        shown = case.render(poisoned(message, text))
        assert harmless(shown)
        assert text not in shown
        # Nobody writes a line of the page but the page.
        assert len(shown.splitlines()) == len(case.render(message).splitlines())


def test_h11_a_networks_name_is_inert_in_a_report() -> None:
    case_ = Case()
    case_.proceed(lambda draft: replace(draft, name="Network\x1b[2J\nFORGED: valid"))
    lines = case_.report().lines()
    assert all(harmless(line) and "\n" not in line for line in lines)


def test_h11_the_printed_page_of_a_root_holds_text_only(tmp_path: Path) -> None:
    key = tmp_path / "root.key"
    make_key(key, "synthetic", label=b"mce-root", cost=Cost.INTERACTIVE)
    page = tmp_path / "root.html"
    attack = '<script>alert(1)</script><img src=x onerror="x">&lt;'
    sheet(public_path(key), holder=attack, network=attack, out=page, common=replace(COMMON, json=True))
    text = page.read_text()
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "&amp;lt;" in text


# Names of files.


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\windows\\system.ini",
        "C:\\boot.ini",
        "..",
        ".",
        "",
        " ",
        ".ssh",
        "photo\0.png",
        "photo.png\n",
        "CON",
        "con.txt",
        "NUL.tar.gz",
        "lpt9",
        "a/b/c",
        "\u202egnp.exe",
        "x" * 4096,
        "é" * 4096 + ".png",
        "name:stream",
        'a|b*c?d<e>f"g',
        "-rf",
        "~",
        "trailing. . .",
        *ATTACKS.values(),
    ],
)
def test_h6_an_attachments_name_names_a_file_of_its_folder(name: str, tmp_path: Path) -> None:
    safe = safe_name(name, number=1)
    path = tmp_path / f"1-{safe}"
    path.write_bytes(b"x")
    assert path.resolve().parent == tmp_path.resolve()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert 0 < len(safe.encode()) <= 120
    assert harmless(safe)
    assert not set(safe) & set('/\\:*?"<>|\n')


def test_h6_names_that_look_alike_are_one_name() -> None:
    assert safe_name("Cafe\u0301.png", number=1) == safe_name("Caf\u00e9.png", number=1)


def test_h5_a_log_line_is_one_line() -> None:
    script = (
        "import sys; from mce_relay import logs; logs.configure(); "
        "logs.logger().info('call', member=sys.argv[1], error=sys.argv[1], forged='x')"
    )
    for attack in ('be\n{"event": "forged"}', "\x1b[2J", "'; DROP TABLE entry; --", "%s%n"):
        done = subprocess.run(
            [sys.executable, "-c", script, attack], capture_output=True, text=True, timeout=60, check=True
        )
        [line] = done.stderr.splitlines()
        assert json.loads(line)["member"] == attack
        assert not ACTS.search(line)
