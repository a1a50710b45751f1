"""Histories by their seeds; each that breaks a property is told as short as it gets, and how to see it again.

python -m tests.simulation --from 1 --seeds 100000
"""

import argparse
import sys
import time

from tests.simulation.misdeeds import CATALOGUE
from tests.simulation.running import Runs, runs


def main() -> int:
    """0 if every property held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no more after so long")
    parser.add_argument("--misdeed", action="append", default=[], choices=CATALOGUE, help="only these")
    parser.add_argument("--events", help="of one seed's history these only: 0,2,3 or none")
    arguments = parser.parse_args()
    with runs() as played:
        if arguments.events is not None:
            return _again(played, arguments.first, arguments.events, arguments.misdeed)
        end, broken, count = time.monotonic() + arguments.seconds, 0, 0
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            if time.monotonic() >= end:
                break
            count += 1
            if told := played.told(seed, arguments.misdeed):
                broken += 1
                print(told, flush=True)
    print(f"{count} histories from seed {arguments.first}: {broken} break a property")
    return int(broken > 0 or not count)


def _again(played: Runs, seed: int, events: str, only: list[str]) -> int:
    chosen, _ = played.seed(seed, only)
    places = [] if events == "none" else [int(one) for one in events.split(",")]
    faults = played.play(chosen, [chosen.events[one] for one in places])
    print("\n".join([*(str(chosen.events[one]) for one in places), *(faults or ["every property holds"])]))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
