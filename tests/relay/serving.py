"""A relay behind its doors in a process of its own, to be flooded: prints its address, serves until killed.

python -m tests.relay.serving FOLDER      FOLDER/federation is what `process` wrote
"""

import asyncio
import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mce_relay  # noqa: F401 - before grpc is
from mce_relay.core import Core
from mce_relay.server import opened
from mce_relay.values import RelayKeys, Settings

from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from tests.relay.federation import Clock, Federation, accepted


@contextlib.contextmanager
def process(f: Federation, folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of a relay that serves this federation."""
    keys = f.relay_keys
    seeds = keys.signing.seed, keys.log_ed25519.seed, keys.log_ml_dsa_44.seed
    made = (f.bundle, seeds, f.relay_tls_key, f.relay_certificate, f.all_prekeys())
    (folder / "federation").write_bytes(pickle.dumps(made))
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.relay.serving", str(folder)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        yield child.stdout.readline().strip(), child.pid
    finally:
        child.kill()
        child.wait()


def memory(pid: int) -> int:
    """The most bytes that a process ever had in memory."""
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in one]
    return int(line.split()[1]) * 1024


async def main(folder: Path) -> None:
    """Serve."""
    bundle, (signing, ed25519, ml_dsa_44), door_key, door, prekeys = pickle.loads(
        (folder / "federation").read_bytes()
    )
    keys = RelayKeys(
        signing=PrivateKey.from_seed(signing),
        log_ed25519=Ed25519Key.from_seed(ed25519),
        log_ml_dsa_44=MlDsa44Key.from_seed(ml_dsa_44),
    )
    core = Core(data=folder / "data", genesis=bundle, keys=keys, settings=Settings(), clock=Clock())
    await core.start()
    for outcome in await core.publish("relay-1", prekeys):
        accepted(outcome)
    async with opened(core, listen="127.0.0.1:0", door_key=door_key, door=door) as address:
        print(address, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
