"""`python -m tests.reader FILE...`: what the reader makes of each vector file."""

import json
import sys
from pathlib import Path

from .judge import judge
from .refusal import RefusalError
from .vectors import load


def main(names: list[str]) -> int:
    """One line a file; what an accepted one holds below it. 1 if any is not as it says."""
    if not names:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    wrong = 0
    for name in names:
        vector = load(Path(name).resolve())
        found: object = {}
        try:
            found = judge(vector)
            code, why = "accept", vector.says
        except RefusalError as refused:
            code, why = refused.code, refused.why
        right = code == vector.expect and (code != "accept" or found == vector.values)
        wrong += not right
        print(f"{name}: {code} ({why})" + ("" if right else f", expected {vector.expect}"))
        if code == "accept":
            print(json.dumps(found, indent=1))
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
