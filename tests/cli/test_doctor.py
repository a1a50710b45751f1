"""Each fault is planted, found and named; the commands that the doctor names mend it (a real relay)."""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mce_relay.keyring import Keyring

from examples.federation import Federation
from mce_exchange.cli import doctor as command
from mce_exchange.cli.common import app
from mce_exchange.cli.directory.common import ROOT_LABEL
from mce_exchange.client import doctor as doctors
from mce_exchange.client.doctor import Fault
from mce_exchange.client.forking import compare
from mce_exchange.client.identity import Identity
from mce_exchange.directory import changes, compose
from mce_exchange.directory.compose import Draft
from mce_exchange.directory.records import decode_card
from mce_exchange.keyfile import read_keyfile
from mce_exchange.keys import PrivateKey
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import read_checkpoint, sign_checkpoint
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.home import Home

DAY = 24 * 3600
SECRET = "a synthetic passphrase"


@dataclass(frozen=True)
class Clinic:
    """A relay that runs; `be`, who is looked at, and `pt`, through whose home the federation speaks."""

    federation: Federation

    @property
    def folder(self) -> Path:
        return self.federation.folder

    def mce(self, *arguments: str) -> int:
        return int(app([*arguments, "--passphrase-file", str(self.federation.passphrase), "--json"]))

    def run(self, line: str) -> None:
        """A command as the doctor names it."""
        arguments = shlex.split(line)
        if arguments[0] == "mce":
            backup = ["--quick", "--backup-passphrase-file", str(self.federation.passphrase)]
            more = backup if arguments[1] == "backup" else []
            assert self.mce(*arguments[1:], *more) in (0, 1)
        else:
            subprocess.run(arguments, check=True, timeout=60)

    @contextmanager
    def home(self, member: str) -> Iterator[Home]:
        home = Home.open(self.folder / member, SECRET)
        try:
            yield home
        finally:
            home.close()

    def version(
        self, change: Callable[[Draft, int], Draft] = lambda draft, _: draft, *, days: int = 0
    ) -> None:
        """The federation publishes the next Directory, issued so many days ago."""
        pt, file = str(self.folder / "pt"), self.folder / "next.directory"
        self.mce("run", "--home", pt, "--once")
        with self.home("pt") as home:
            current = Identity.of(home).follower(home).state.directory
        draft, now = change(Draft.of(current), current.version + 1), int(time.time() // 60)
        bundle = compose.successor(draft, current=current, now_minutes=now - days * 24 * 60)
        for number in (1, 2):
            seed = read_keyfile(self.folder / f"roots/root{number}.key", SECRET, label=ROOT_LABEL)
            key = PrivateKey.from_seed(seed)
            bundle = compose.sign_directory(bundle, key, network_id=current.network_id)
        file.write_bytes(bundle.encode())
        self.mce("directory", "publish", str(file), "--home", pt)
        self.mce("run", "--home", pt, "--once")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    federation = Federation(tmp_path_factory.mktemp("clinic"), ("be", "pt"))
    made = Clinic(federation)
    try:
        federation.start("relay")
        made.mce("run", "--home", str(federation.folder / "be"), "--once")
        with made.home("be") as home:
            home.settings.put(settings.BACKUP_AT, str(int(time.time())))
        yield made
    finally:
        federation.stop()


Doctor = Callable[[], dict[str, list[str]]]


@pytest.fixture
def doctor(clinic: Clinic, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Faults by name, each with its commands; nothing was wrong before the test."""
    monkeypatch.chdir(clinic.folder)

    def look(*more: str) -> dict[str, list[str]]:
        capsys.readouterr()
        code = clinic.mce("doctor", "--home", str(clinic.folder / "be"), *more)
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert said["looked_for"] == sorted(Fault, key=list(Fault).index)
        assert code == bool(said["faults"])
        assert all(one["text"] and one["commands"] for one in said["faults"])
        return {one["fault"]: one["commands"] for one in said["faults"]}

    assert look() == {}
    return look


def mended(clinic: Clinic, doctor: Doctor, fault: Fault) -> None:
    """It is found, and nothing else; and gone after what it names."""
    found = doctor()
    assert set(found) == {fault}
    for line in found[fault]:
        clinic.run(line)
    assert doctor() == {}


@pytest.mark.parametrize("hours", [-1, 2])
def test_a_wrong_clock(
    hours: int, clinic: Clinic, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The machine's own clock stays: what sets it is a stand-in, as is what reads it.
    wrong, tool = tmp_path / "wrong", tmp_path / "timedatectl"
    wrong.touch()
    tool.write_text(f'#!/bin/sh\n[ "$*" = "set-ntp true" ] && rm {shlex.quote(str(wrong))}\n')
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    clock = SimpleNamespace(time=lambda: time.time() + hours * 3600 * wrong.exists())
    monkeypatch.setattr(command, "time", clock)
    mended(clinic, doctor, Fault.CLOCK)


def test_a_prekey_whose_private_half_is_gone(clinic: Clinic, doctor: Doctor) -> None:
    with clinic.home("be") as home:
        for name in home.secrets.names("prekey/"):
            home.secrets.destroy(name)
    mended(clinic, doctor, Fault.PREKEY)


def test_a_directory_near_its_end(clinic: Clinic, doctor: Doctor) -> None:
    clinic.version(days=350)
    clinic.mce("run", "--home", str(clinic.folder / "be"), "--once")
    assert set(doctor()) == {Fault.DIRECTORY}
    clinic.version()
    mended(clinic, doctor, Fault.DIRECTORY)


@pytest.mark.parametrize("what", ["certificate", "address", "no address"])
def test_a_relay_that_the_directory_does_not_name(what: str, clinic: Clinic, doctor: Doctor) -> None:
    with clinic.home("be") as home:
        if what == "certificate":
            home.settings.put(settings.RELAY_CERTIFICATE, tls.make_certificate()[1])
        else:
            home.settings.put(settings.RELAY_ADDRESS, "127.0.0.1:1" if what == "address" else "nowhere")
    mended(clinic, doctor, Fault.RELAY)


def test_a_log_that_was_forked(clinic: Clinic, doctor: Doctor) -> None:
    key = Keyring.read(clinic.folder / "relay", SECRET).keys.log_ed25519
    with clinic.home("be") as home:
        follower, ours = Identity.of(home).follower(home), home.logbook.anchor()
        assert ours
        shown = read_checkpoint(notes.parse(ours).text)
        other = sign_checkpoint(replace(shown, root=bytes(32)), key)
        assert not compare(home, follower, other, now=int(time.time()))
    mended(clinic, doctor, Fault.FORK)
    file, pinned = str(clinic.folder / "be.fork"), clinic.federation.fingerprint
    assert app(["evidence", "verify", file, "--fingerprint", pinned]) == 0


def test_a_full_disk(clinic: Clinic, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    attachments = clinic.folder / "be/attachments"

    def usage(_: Path) -> SimpleNamespace:
        used = sum(one.stat().st_size for one in attachments.iterdir())
        return SimpleNamespace(free=doctors._FREE + (1 << 20) - used)

    monkeypatch.setattr(doctors, "shutil", SimpleNamespace(disk_usage=usage))
    # Of no message: a process died between the two. The young one may be somebody's at work.
    orphan, young = attachments / ("ab" * 32), attachments / ("cd" * 32)
    orphan.write_bytes(bytes(2 << 20))
    young.write_bytes(b"x")
    os.utime(orphan, (time.time() - 8 * DAY,) * 2)
    mended(clinic, doctor, Fault.DISK)
    assert not orphan.exists()
    assert young.exists()
    young.unlink()


def test_an_own_entry_that_is_not_as_the_card_says(clinic: Clinic, doctor: Doctor) -> None:
    assert clinic.mce("key", "new", "--home", "be", "--out", "new.card") == 0
    [(fault, [card, run])] = doctor().items()
    assert fault == Fault.ENTRY
    clinic.run(card)
    asked = decode_card((clinic.folder / "be.card").read_bytes())
    clinic.version(lambda draft, version: changes.renew(draft, asked, version=version))
    clinic.run(run)
    assert doctor() == {}


def test_receipts_under_no_anchor(clinic: Clinic, doctor: Doctor) -> None:
    with clinic.home("be") as home:
        then = int(time.time()) - 2 * DAY
        home.database.run("UPDATE publishing SET anchored = 0, logged_at = ? WHERE state = 'accepted'", then)
    mended(clinic, doctor, Fault.RECEIPTS)


@pytest.mark.parametrize("days", [8, None])
def test_a_backup_that_is_overdue(days: int | None, clinic: Clinic, doctor: Doctor) -> None:
    then = str(int(time.time()) - days * DAY if days else 0)
    with clinic.home("be") as home:
        home.settings.put(settings.BACKUP_AT, then)
    mended(clinic, doctor, Fault.BACKUP)
    assert (clinic.folder / "be.backup").stat().st_size


def test_open_permissions(clinic: Clinic, doctor: Doctor) -> None:
    (clinic.folder / "be").chmod(0o755)
    (clinic.folder / "be/home.key").chmod(0o640)
    mended(clinic, doctor, Fault.PERMISSIONS)


def test_every_fault_is_explained_to_the_administrator() -> None:
    document = Path(__file__).resolve().parents[2] / "docs/administrator.md"
    table = document.read_text("utf-8").partition("## Something is wrong")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(Fault)


def test_a_person_reads_fault_sentence_and_command(
    clinic: Clinic, doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    home, secret = clinic.folder / "be", str(clinic.federation.passphrase)
    arguments = ["doctor", "--offline", "--home", str(home), "--passphrase-file", secret]
    assert app(arguments) == 0
    assert capsys.readouterr().out == "Nothing is wrong here.\n"
    home.chmod(0o750)
    assert app(arguments) == 1
    said = capsys.readouterr().out
    assert said == f"permissions: others may look into be\n  mend it: chmod 700 {home}\n"
    home.chmod(0o700)
