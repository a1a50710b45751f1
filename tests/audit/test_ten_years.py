"""Ten years of evidence: three rotations and a compromise, judged from files alone, alike by everybody."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mce_exchange.directory import changes, compose
from mce_exchange.directory.authority import Verdict
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.records import Bundle
from mce_exchange.keys import PrivateKey
from tests.audit.case import Case, says
from tests.core.chronicle import DAY, NOW
from tests.federation import NOW_MINUTES, ROOTS, signed

YEAR = 365.25
KEYS = [PrivateKey.from_seed(bytes([60 + i]) * 64) for i in range(4)]
SPARE = PrivateKey.from_seed(bytes([70]) * 64)


class Decade(Case):
    """`be` signs with one key after the other; the clock stands at `days` since the beginning."""

    days = 0.0

    def next(self, change: Callable[[Draft], Draft], *roots: PrivateKey) -> Bundle:
        current = self.state.directory
        now = NOW_MINUTES + int(self.days * 24 * 60)
        made = compose.successor(change(Draft.of(current)), current=current, now_minutes=now)
        return signed(made, roots or ROOTS[:2], network_id=self.network_id)

    def anchor(self, time: int = 0) -> bytes:
        return super().anchor(time or int(NOW + self.days * DAY))

    def at(self, years: float) -> None:
        """Years pass; the roots renew the Directory before it ends, and the relay's clock is logged."""
        self.days = years * YEAR
        self.proceed(lambda draft: draft)
        self.clock(self.days)

    def rotate(self, *keys: PrivateKey) -> None:
        """Only these keys are `be`'s from here on."""
        version = self.state.directory.version + 1
        card = replace(self.state.directory.member("be"), keys=tuple(new_key(key.public) for key in keys))
        self.proceed(lambda draft: changes.renew(draft, card, version=version))

    def sends(self, key: PrivateKey, sequence: int) -> int:
        """Log a message that this key signed."""
        return self.log(self.message(keys=[key], sequence=sequence)[0].statement.raw)


def from_files_alone(folder: Path, case: Decade) -> dict[str, Any]:
    """In another process and an empty folder: the file and the fingerprint are all there is."""
    folder.mkdir()
    (folder / "case.evidence").write_bytes(b"".join(case.file()))
    command = [str(Path(sys.executable).with_name("mce")), "evidence", "verify", "case.evidence"]
    command += ["--fingerprint", case.network_id.hex(), "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_ten_years_three_rotations_and_a_compromise(tmp_path: Path) -> None:
    case = Decade()
    first = case.people["be"].key
    signed_by = {case.index: first}
    for number, years in enumerate((3, 6, 8)):
        case.at(years)
        case.rotate(KEYS[number], SPARE)
        signed_by[case.sends(KEYS[number], number + 2)] = KEYS[number]
    stolen = KEYS[2]
    before = case.anchor()
    # A thief signs from here on; the member notices two weeks later, and the thief does not stop.
    case.at(8.1)
    thiefs = case.sends(stolen, 5)
    as_of_then = case.report()
    case.days += 14
    case.clock(case.days)
    case.revoke(stolen, SPARE, cut=before)
    too_late = case.sends(stolen, 6)
    case.at(10)
    case.rotate(KEYS[3])
    signed_by[case.sends(KEYS[3], 6)] = KEYS[3]

    report = case.report()
    verdicts = {one.index: one.verdict for one in report.messages}
    assert {index: verdicts[index] for index in signed_by} == dict.fromkeys(signed_by, Verdict.VALID)
    assert verdicts[thiefs] is Verdict.DISPUTED
    assert "invalid" in says(report, too_late)
    assert too_late not in verdicts
    # Before anybody knew, it was valid: a verdict reads "as of".
    assert {one.index: one.verdict for one in as_of_then.messages}[thiefs] is Verdict.VALID
    assert report.log_size > as_of_then.log_size
    # The same from files alone, in another process, twice.
    said = from_files_alone(tmp_path / "court", case)
    assert said == json.loads(json.dumps(report.to_json()))
    assert from_files_alone(tmp_path / "auditor", case)["messages"] == said["messages"]
    assert (said["directory_version"], said["log_size"]) == (report.directory_version, report.log_size)


def test_a_thief_of_every_member_key_makes_no_older_evidence_invalid(tmp_path: Path) -> None:
    """Revoking with the oldest anchor there is reaches back 30 days, and no further."""
    case = Decade()
    case.rotate(KEYS[0], SPARE)
    old = case.sends(KEYS[0], 2)
    genesis = case.anchor()
    for month in range(1, 5):
        case.days = month * 30.0
        case.clock(case.days)
    recent = case.sends(KEYS[0], 3)
    case.revoke(KEYS[0], SPARE, cut=genesis)
    verdicts = {one.index: one.verdict for one in case.report().messages}
    assert (verdicts[old], verdicts[recent]) == (Verdict.VALID, Verdict.DISPUTED)
