"""More of it, other moments each time: python -m tests.storage --seconds 600; --flips for every byte."""

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mce_relay import logs
from mce_relay.store.sqlite import FILE

from tests.storage import test_failing, test_flips, test_power
from tests.storage.story import Story


def failing(folder: Path, seed: random.Random) -> None:
    """One plan: up to three statements in a row, persisted or not."""
    story = Story(folder)
    count = test_failing.numbers(story, folder / "whole")
    for _ in range(50):
        first, times = seed.randrange(count) + 1, seed.randrange(3) + 1
        plan, target = frozenset(range(first, first + times)), folder / "disturbed"
        asyncio.run(test_failing.disturbed(story, target, plan, persisted=seed.random() < 0.5))
        shutil.rmtree(target)


def power(folder: Path, seed: random.Random) -> None:
    """Cuts at any entry of a diary."""
    story = Story(folder, attachments=False)
    diary = asyncio.run(test_power.told(story, folder / "whole"))
    for _ in range(50):
        moment, target = seed.randrange(len(diary) + 1), folder / "cut"
        asyncio.run(test_power.survived(story, target, diary, moment, seed.randrange(2**32)))
        shutil.rmtree(target)


def flips(folder: Path, seed: random.Random, *, every: bool = False) -> None:
    """Bytes of a store: some, or each one once."""
    story = Story(folder, attachments=False)
    data = story.copy(folder / "data")
    asyncio.run(story.run(data, None))
    before = asyncio.run(test_flips.served(story, data))
    assert before
    whole = (data / FILE).read_bytes()
    for at in range(len(whole)) if every else seed.sample(range(len(whole)), 50):
        test_flips.write(data, test_flips.flipped(whole, at, seed))
        test_flips.judge(before, asyncio.run(test_flips.served(story, data)))
    if every:
        print(f"{len(whole)} bytes, one after the other")


def main() -> int:
    """As many as the time allows, of each kind in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="begin no more after so long")
    parser.add_argument("--flips", action="store_true", help="every byte of one store, however long it takes")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="of moments")
    arguments = parser.parse_args()
    logs.configure("critical")
    print(f"seed {arguments.seed}", flush=True)
    seed, end, rounds = random.Random(arguments.seed), time.monotonic() + arguments.seconds, 0
    while arguments.flips or time.monotonic() < end:
        for kind in (failing, power, flips):
            with tempfile.TemporaryDirectory(prefix="mce-storage-") as folder:
                if arguments.flips:
                    flips(Path(folder), seed, every=True)
                    return 0
                kind(Path(folder), seed)
        rounds += 1
    print(f"{rounds} rounds of 50 failures, 50 power cuts and 50 flipped bytes: every promise held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
