"""The vectors of tests/vectors/mce1: good artefacts, and one fault in each of some hundred others.

Signatures, wraps and certificates are random, so `--write` makes everything anew; without it, the
tool says how many files it would write and how large they are. The tests judge what is kept.
"""

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.reader.judge import judge  # the checkout's own packages, found a line above
from tests.reader.vectors import load
from tools.vectors import catalogue, goods
from tools.vectors.files import KNOWN, fault_json, good_json, write
from tools.vectors.history import build


def make(folder: Path) -> None:
    """Write all of it below an empty folder."""
    history = build()
    KNOWN.update(goods.known(history.world))
    made = [goods.network(history), *goods.goods(history)]
    for one in made:
        # First without the values, so that both can read the file; then with what the second reader
        # derives, which the tests compare with what the library does.
        path = folder / f"{one.name}.json"
        write(path, good_json(one))
        write(path, good_json(goods.with_values(one, judge(load(path)))))
    by_name = {one.name: one for one in made}
    for group, base, fault in catalogue.faults(history, by_name):
        path = folder / "faults" / group / f"{fault.name}.json"
        if path.exists():
            raise SystemExit(f"two faults named {fault.name}")
        write(path, fault_json(fault, base))


def main(arguments: list[str]) -> int:
    """`--write` replaces tests/vectors/mce1, but for its README."""
    if arguments != ["--write"]:
        sys.stderr.write(f"{main.__doc__}\n")
        return 2
    for old in (*goods.FOLDER.glob("*.json"), goods.FOLDER / "faults"):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    make(goods.FOLDER)
    sizes = [path.stat().st_size for path in goods.FOLDER.rglob("*.json")]
    groups = Counter(path.parent.name for path in goods.FOLDER.rglob("*.json"))
    print(f"{len(sizes)} files, {sum(sizes):,} bytes: {dict(groups)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
