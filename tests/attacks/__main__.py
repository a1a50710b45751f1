"""Take out each defence in turn: id, test, and "fails without it"; `--check` looks at the table only."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.attacks.defences import DEFENCES
from tests.attacks.run import FAILS, outcome
from tests.attacks.table import faults

parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
parser.add_argument("ids", nargs="*", metavar="ID", help="attacks of docs/threats.md, as E5; all by default")
parser.add_argument("--check", action="store_true", help="only whether each attack has a control")
options = parser.parse_args()
if unknown := set(options.ids) - {one.id for one in DEFENCES}:
    parser.error(f"no control of {', '.join(sorted(unknown))}")
wrong = list(faults())
for fault in wrong:
    print(fault, file=sys.stderr)
if options.check:
    sys.exit(bool(wrong))
chosen = [n for n, one in enumerate(DEFENCES) if not options.ids or one.id in options.ids]
held = 0
with ThreadPoolExecutor(os.cpu_count()) as pool:
    for number, said in zip(chosen, pool.map(outcome, chosen), strict=True):
        held += said == FAILS
        print(f"{DEFENCES[number].id:4} {said:17} {DEFENCES[number].test}", flush=True)
print(f"{held} of {len(chosen)} defences, {len({DEFENCES[number].id for number in chosen})} attacks")
sys.exit(bool(wrong) or held != len(chosen))
