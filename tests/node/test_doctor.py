"""What the doctor says of a home, from what the home holds and what the door showed."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mce_exchange.client.diagnose import NOT_ADMITTED
from mce_exchange.client.doctor import Doctor, Door, Fault, Finding, folder, log_time
from mce_exchange.client.identity import Identity
from mce_exchange.directory.records import encode_card
from mce_exchange.errors import StoreError
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from tests.node.conftest import World
from tests.node.test_exchange import followed

HOUR, DAY = 3600, 24 * 3600


class Patient:
    """The home of `be`, in good health until a test says otherwise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.home = world.home("be")
        self.now = int(world.clock.now)
        self.home.settings.put(settings.CARD, encode_card(world.federation.people["be"].record))
        self.home.settings.put(settings.BACKUP_AT, str(self.now))

    def findings(self, door: Door | None = None, *, later: int = 0) -> dict[Fault, Finding]:
        identity = Identity.of(self.home)
        doctor = Doctor(self.home, identity, identity.follower(self.home), now=self.now + later)
        return {one.fault: one for one in doctor.findings(door)}

    def text(self, fault: Fault, door: Door | None = None, *, later: int = 0) -> str:
        [found] = self.findings(door, later=later).values()
        assert found.fault is fault
        return found.text


def test_a_file_of_another_user_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home.db-wal").touch(0o600)
    tmp_path.chmod(0o700)
    assert [one for one in folder(tmp_path) if one.fault is Fault.PERMISSIONS] == []
    real = Path.stat

    def stat(path: Path, **more: bool) -> os.stat_result:
        found = list(real(path, **more))
        # As after a command that somebody ran as root.
        found[4] += path.name == "home.db-wal"
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", stat)
    [found] = [one for one in folder(tmp_path) if one.fault is Fault.PERMISSIONS]
    assert found.text == "another user owns home.db-wal"
    assert found.commands == (f"chown {real(tmp_path).st_uid} {tmp_path}/home.db-wal",)


def test_a_link_to_a_larger_disk_is_no_fault_and_a_closed_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "attachments").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    tmp_path.chmod(0o700)
    assert [one for one in folder(tmp_path) if one.fault is Fault.PERMISSIONS] == []
    with pytest.raises(StoreError, match="cannot look into"):
        list(folder(tmp_path / "nothing"))


@pytest.fixture
async def patient(world: World) -> Any:
    async with world.open("be") as be:
        await followed(be, world)
        await be.look()
    made = Patient(world)
    yield made
    made.home.close()


async def test_a_home_in_good_health(patient: Patient) -> None:
    for door in (None, Door(answer="open"), Door(answer="open", time=patient.now)):
        assert patient.findings(door) == {}
    # For a week: then the backup is overdue, and a day later the prekey has been over for a day.
    assert patient.findings(later=7 * DAY) == {}
    assert set(patient.findings(later=8 * DAY + 60)) == {Fault.BACKUP, Fault.PREKEY}


async def test_the_logs_own_time_tells_of_a_clock_that_is_behind(patient: Patient) -> None:
    patient.home.logbook.put_anchor(1, patient.now + HOUR, b"a note")
    assert "60 minutes behind" in patient.text(Fault.CLOCK)
    # What the door shows now counts for more than what was seen before, and minutes are an anchor's age.
    assert patient.findings(later=HOUR) == {}
    for seconds in (-120, 0, HOUR):
        assert patient.findings(Door(answer="open", time=patient.now + HOUR - seconds), later=HOUR) == {}
    ahead = Door(answer="open", time=patient.now + HOUR)
    assert "61 minutes ahead" in patient.text(Fault.CLOCK, ahead, later=2 * HOUR + 60)


async def test_who_is_not_in_the_directory_or_not_admitted_hands_in_a_card(patient: Patient) -> None:
    assert "does not admit" in patient.text(Fault.ENTRY, Door(answer=NOT_ADMITTED))
    record = patient.world.federation.people["be"].record
    patient.home.settings.put(settings.CARD, encode_card(replace(record, phone="+111")))
    found = patient.findings(Door(answer=NOT_ADMITTED))[Fault.ENTRY]
    assert "does not say" in found.text
    path = patient.home.path
    assert found.commands == (f"mce card --home {path} --out be.card", f"mce run --home {path} --once")
    patient.home.settings.put(settings.MEMBER, "nobody")
    # Nobody writes to whom nobody knows: the prekey is no fault of its own.
    assert "does not stand" in patient.text(Fault.ENTRY)


async def test_the_door_of_a_relay_says_what_is_wrong_with_it(patient: Patient) -> None:
    assert "the reason. " in patient.text(Fault.RELAY, Door(answer="the reason"))


@pytest.mark.parametrize(("days", "words"), [(9, "in 28 days"), (30, "in 7 days"), (50, "in 0 days")])
async def test_a_prekey_that_ended_says_how_long_others_may_use_it(
    days: int, words: str, patient: Patient
) -> None:
    assert words in patient.findings(later=days * DAY)[Fault.PREKEY].text


async def test_a_home_that_never_ran_has_no_prekey_in_the_log(world: World) -> None:
    patient = Patient(world)
    assert "nobody can write to it" in patient.text(Fault.PREKEY)
    patient.home.close()


async def test_a_log_that_went_back_is_a_fault_until_a_person_has_seen_it(patient: Patient) -> None:
    for kind in (Alarm.GAP, Alarm.LOG_ROLLED_BACK):
        patient.home.alarms.put(kind, about="size 3", text=f"about {kind}", at=1)
    assert "about log-rolled-back" in patient.text(Fault.FORK)
    patient.home.alarms.mark_seen(patient.home.alarms.all()[-1].id)
    assert patient.findings() == {}


async def test_where_a_node_runs_it_is_left_to_mend_it(patient: Patient) -> None:
    patient.home.settings.put(settings.BACKUP_AT, str(patient.now + 320 * DAY))
    assert "a node runs here" not in patient.findings(later=320 * DAY)[Fault.DIRECTORY].text
    with patient.home.lock():
        found = patient.findings(later=320 * DAY)
    assert all("a node runs here" in found[one].text for one in (Fault.DIRECTORY, Fault.PREKEY))
    assert Fault.CLOCK not in found


async def test_a_relay_that_does_not_answer_tells_no_time(patient: Patient) -> None:
    home: Home = patient.home
    with home.database.write():
        key, door = tls.make_certificate()
        home.secrets.put("door", key)
        for name, value in ((settings.DOOR, door), (settings.RELAY_CERTIFICATE, door)):
            home.settings.put(name, value)
        home.settings.put(settings.RELAY_ADDRESS, "127.0.0.1:1")
    follower, before = Identity.of(home).follower(home), time.monotonic()
    assert await log_time(home, follower, seconds=0.2) is None
    assert time.monotonic() - before < 30
