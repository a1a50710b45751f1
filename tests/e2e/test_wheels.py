"""What is shipped runs: both wheels, built, unpacked and put before the checkout on the path."""

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from examples.federation import Federation

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {".": "mce_exchange", "relay": "mce_relay"}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("wheels")
    for folder in PACKAGES:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
        subprocess.run(build, cwd=ROOT / folder, check=True, capture_output=True)
    for wheel in dist.iterdir():
        zipfile.ZipFile(wheel).extractall(target)
    return target


def test_a_wheel_holds_what_is_tracked_and_its_licence(unpacked: Path) -> None:
    for folder, package in PACKAGES.items():
        listed = subprocess.run(
            ["git", "ls-files", package], cwd=ROOT / folder, capture_output=True, text=True, check=True
        ).stdout.split()
        shipped = {str(one.relative_to(unpacked)) for one in (unpacked / package).rglob("*") if one.is_file()}
        assert shipped == set(listed)
    assert len(list(unpacked.glob("*.dist-info/licenses/LICENSE"))) == 2


def test_relay_and_node_run_from_the_wheels(
    unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(unpacked))
    where = "import mce_exchange, mce_relay; print(mce_exchange.__file__, mce_relay.__file__)"
    said = subprocess.run(
        [sys.executable, "-c", where], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert said.stdout.count(str(unpacked)) == 2
    federation = Federation(tmp_path, ("be",))
    try:
        for name in ("relay", "be"):
            federation.start(name)
        end = time.monotonic() + 60
        while federation.mce("be", "status")["log_size"] < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        federation.stop()
