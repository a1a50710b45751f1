"""Take out each defence in turn: id, test, and "fails without it"; `--check` looks at the table only."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.attacks.defences import DEFENCES
from tests.attacks.run import FAILS, outcome
from tests.attacks.table import faults

wrong = list(faults())
for fault in wrong:
    print(fault, file=sys.stderr)
if sys.argv[1:] == ["--check"]:
    sys.exit(bool(wrong))
held = 0
with ThreadPoolExecutor(os.cpu_count()) as pool:
    for defence, said in zip(DEFENCES, pool.map(outcome, range(len(DEFENCES))), strict=True):
        held += said == FAILS
        print(f"{defence.id:4} {said:17} {defence.test}", flush=True)
print(f"{held} of {len(DEFENCES)} defences, {len({one.id for one in DEFENCES})} attacks")
sys.exit(bool(wrong) or held != len(DEFENCES))
