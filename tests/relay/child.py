"""A relay's core in a process of its own, to be killed: submits what it is given and says what was accepted.

python -m tests.relay.child FOLDER      FOLDER/work is what `work` wrote; prints "number index" lines
"""

import asyncio
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from mce_relay.core import Core
from mce_relay.values import EnvelopeIn, PublishIn, RelayKeys, Settings

from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from tests.relay.federation import Clock, Federation, accepted


def work(f: Federation, folder: Path, prekeys: Sequence[PublishIn], envelopes: Sequence[EnvelopeIn]) -> None:
    """Write down what the child shall do."""
    keys = f.relay_keys
    seeds = keys.signing.seed, keys.log_ed25519.seed, keys.log_ml_dsa_44.seed
    (folder / "work").write_bytes(pickle.dumps((f.bundle, seeds, prekeys, envelopes)))


async def main(folder: Path) -> None:
    """Submit all at once, print each acceptance at once, and wait to be killed."""
    bundle, (signing, ed25519, ml_dsa_44), prekeys, envelopes = pickle.loads((folder / "work").read_bytes())
    keys = RelayKeys(
        signing=PrivateKey.from_seed(signing),
        log_ed25519=Ed25519Key.from_seed(ed25519),
        log_ml_dsa_44=MlDsa44Key.from_seed(ml_dsa_44),
    )
    core = Core(data=folder / "data", genesis=bundle, keys=keys, settings=Settings(), clock=Clock())
    await core.start()
    await core.publish("relay-1", prekeys)

    async def submit(number: int, envelope: EnvelopeIn) -> None:
        [outcome] = await core.submit("be", [envelope])
        print(number, accepted(outcome).receipt.index, flush=True)

    await asyncio.gather(*(submit(number, one) for number, one in enumerate(envelopes)))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
