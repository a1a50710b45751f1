"""The root ceremony through the command line: every key in its own folder, files carried between them."""

import html
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.federation import Federation
from mce_exchange.cli.common import app
from mce_exchange.cli.directory.common import read_public
from mce_exchange.cli.directory.roots import public_path
from mce_exchange.errors import DirectoryError, MceError, UsageError
from mce_exchange.fingerprint import words

Mce = Callable[..., Any]


class Ceremony:
    """A running exercise, its three roots, and what the commands said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.federation = Federation(folder, ("be", "pt"))
        self.folder = folder
        self.fingerprint = self.federation.fingerprint
        self._capsys = capsys
        self.roots = [folder / f"roots/root{n}.key" for n in (1, 2, 3)]
        self.files = [folder / "relay/genesis.directory"]

    def mce(self, *arguments: str) -> dict[str, Any]:
        """A command in this process; its JSON answer."""
        self._capsys.readouterr()
        code = app([*arguments, "--json"])
        # 1 says that an alarm waits: a change in one's own name is one.
        assert code == 0 or (code, arguments[0]) == (1, "status")
        said: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return said

    def secret(self, *arguments: str) -> dict[str, Any]:
        return self.mce(*arguments, "--passphrase-file", str(self.federation.passphrase))

    def root(self, number: int) -> Path:
        """A further root key, made alone in a folder of its own."""
        out = self.folder / f"board{number}" / f"root{number}.key"
        out.parent.mkdir()
        self.secret("directory", "root", "--out", str(out), "--quick")
        return out

    def change(self, name: str, *options: str, command: str = "change") -> tuple[Path, list[str]]:
        file = self.folder / name
        said = self.secret(
            "directory", command, "--home", str(self.folder / "be"), "--out", str(file), *options
        )
        return file, said["changes"]

    def sign(self, file: Path, *keys: Path) -> None:
        for key in keys:
            self.secret("directory", "sign", str(file), "--key", str(key), "--fingerprint", self.fingerprint)

    def publish(self, file: Path) -> None:
        version = self.secret("directory", "publish", str(file), "--home", str(self.folder / "be"))["version"]
        for member in ("be", "pt"):
            self.follows(member, version)
        self.files.append(file)

    def follows(self, member: str, version: int) -> None:
        end = time.monotonic() + 30
        while self.secret("status", "--home", str(self.folder / member))["directory_version"] < version:
            assert time.monotonic() < end, f"{member} does not follow to version {version}"
            time.sleep(0.1)

    def show(self, file: Path, after: list[Path]) -> dict[str, Any]:
        parts = [part for one in after for part in ("--after", str(one))]
        return self.mce("directory", "show", str(file), *parts, "--fingerprint", self.fingerprint)


@pytest.fixture
def ceremony(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ceremony]:
    made = Ceremony(tmp_path, capsys)
    try:
        for name in ("relay", "be", "pt"):
            made.federation.start(name)
        made.follows("be", 1)
        yield made
    finally:
        made.federation.stop()


def refused(kind: type[MceError], act: Callable[[], object], text: str) -> None:
    with pytest.raises(kind, match=text):
        act()


def test_roots_come_and_go_and_every_client_follows(ceremony: Ceremony, tmp_path: Path) -> None:
    c = ceremony
    fourth, fifth = c.root(4), c.root(5)
    # A member enters: two of the three roots sign, on machines that share nothing but the file.
    c.secret("init", "--home", str(tmp_path / "fr"), "--member", "fr", "--name", "Exercise fr", "--quick")
    card = str(tmp_path / "fr.card")
    c.secret("card", "--home", str(tmp_path / "fr"), "--out", card)
    second, changes = c.change("v2.directory", "--member-card", card, command="add")
    assert changes[0].startswith("fr enters: Exercise fr")
    refused(DirectoryError, lambda: c.publish(second), "signature")
    c.sign(second, c.roots[0])
    refused(DirectoryError, lambda: c.publish(second), "nothing was published: .*1 of 2 root signatures")
    c.sign(second, c.roots[2])
    c.publish(second)

    # The threshold grows to three, with two more roots: the old two sign, and so do the new three.
    third, changes = c.change(
        "v3.directory", "--new-root", f"{fourth}.pub", "--new-root", f"{fifth}.pub", "--threshold", "3"
    )
    assert "3 root signatures are needed, so far 2" in changes
    assert sum("begins" in one for one in changes) == 2
    c.sign(third, c.roots[0], c.roots[1])
    refused(DirectoryError, lambda: c.publish(third), "2 of 3 root signatures")
    c.sign(third, fourth)
    c.publish(third)

    # Rotation: the first two go. New roots alone do not suffice, and neither do the old.
    first = read_public(public_path(c.roots[0])).id.hex()
    fourth_version, changes = c.change("v4.directory", "--end-root", first)
    assert any(first in one and "ends" in one for one in changes)
    c.sign(fourth_version, fourth, fifth)
    refused(DirectoryError, lambda: c.publish(fourth_version), "2 of 3 root signatures")
    c.sign(fourth_version, c.roots[1])
    c.publish(fourth_version)

    # A hotline that pins the root once follows all of it, by files and by the log.
    joined = c.secret(
        "join", "--home", str(tmp_path / "fr"), "--fingerprint", words(bytes.fromhex(c.fingerprint)),
        *(part for file in c.files for part in ("--directory", str(file))),
    )  # fmt: skip
    assert (joined["version"], joined["entered"]) == (4, True)
    c.federation.start("fr")
    c.follows("fr", 4)
    # What somebody is about to sign is told from the files alone, and a version left out is noticed.
    told = c.show(fourth_version, c.files[:3])
    assert told["changes"] == changes
    refused(DirectoryError, lambda: c.show(fourth_version, c.files[:2]), "version 3")


def test_a_member_goes_is_held_back_and_comes_back(ceremony: Ceremony) -> None:
    c = ceremony
    file, changes = c.change("v2.directory", "--suspend", "pt", "--two-persons", "be:urgent,child-alert")
    assert "pt is suspended, so far active" in changes
    assert "be: two persons for child alert, urgent" in changes
    c.sign(file, *c.roots[:2])
    c.publish(file)
    file, changes = c.change("v3.directory", "--resume", "pt")
    assert "pt is active, so far suspended" in changes
    c.sign(file, *c.roots[:2])
    c.publish(file)
    file, changes = c.change("v4.directory", "--leave", "pt")
    assert "pt is left, so far active" in changes
    assert any(one.startswith("pt: key ") and one.endswith(" ends") for one in changes)


def test_what_cannot_be_is_refused_before_anybody_signs(ceremony: Ceremony) -> None:
    c = ceremony
    refused(UsageError, lambda: c.change("x.directory"), "nothing would change")
    refused(UsageError, lambda: c.change("x.directory", "--leave", "nobody"), "is no member")
    refused(UsageError, lambda: c.change("x.directory", "--threshold", "4"), "a threshold of 4 for 3")
    refused(UsageError, lambda: c.change("x.directory", "--end-root", "00" * 32), "no living root")
    refused(UsageError, lambda: c.change("x.directory", "--end-root", "1f0c"), "not a whole key id")
    refused(UsageError, lambda: c.change("x.directory", "--end-root", "root1"), "not a whole key id")
    refused(UsageError, lambda: c.change("x.directory", "--two-persons", "be:dance"), "none of")
    card = str(c.folder / "be.card")
    c.secret("card", "--home", str(c.folder / "be"), "--out", card)
    refused(
        UsageError, lambda: c.change("x.directory", "--member-card", card, command="add"), "a member already"
    )
    assert not (c.folder / "x.directory").exists()
    refused(
        UsageError,
        lambda: c.secret("directory", "exercise", str(c.folder), "--member", "be"),
        "nothing was overwritten",
    )
    # Nothing is left of an exercise that cannot be: the next try finds an empty place.
    half = c.folder / "half"
    for wrong, text in (
        (["--member", "a/../b"], "member id"),
        (["--member", "be", "--address", "nonsense"], "no address"),
    ):
        with pytest.raises(UsageError, match=text):
            c.secret("directory", "exercise", str(half), *wrong)
        assert not half.exists()


def test_a_sheet_holds_id_words_and_qr_and_no_markup_of_its_holder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("synthetic")
    key, out = tmp_path / "root.key", tmp_path / "sheet.html"
    app(["directory", "root", "--out", str(key), "--quick", "--passphrase-file", str(passphrase)])
    capsys.readouterr()
    holder = "<script>alert(1)</script>"
    app(
        [
            "directory",
            "sheet",
            f"{key}.pub",
            "--holder",
            holder,
            "--network",
            "Ex",
            "--out",
            str(out),
            "--json",
        ]
    )
    said, page = json.loads(capsys.readouterr().out), out.read_text()
    assert said["words"] in page
    assert said["key_id"] in page.replace(" ", "")
    assert "<svg" in page
    assert html.escape(holder) in page
    assert "<script" not in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
