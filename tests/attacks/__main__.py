"""Take out each defence in turn: id, test, and "fails without it"."""

import sys

from tests.attacks.defences import DEFENCES
from tests.attacks.run import fails_without

wrong = 0
for number, defence in enumerate(DEFENCES):
    failed = fails_without(number)
    wrong += not failed
    print(f"{defence.id:4} {'fails without it' if failed else 'STILL PASSES':16} {defence.test}", flush=True)
sys.exit(bool(wrong))
