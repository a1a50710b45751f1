"""docs/threats.md, the tests it names and the controls, held against each other."""

import re
from collections.abc import Iterator

from tests.attacks.cuts import ROOT
from tests.attacks.defences import DEFENCES

THREATS = ROOT / "docs" / "threats.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_SECTION = re.compile(r"^#+ (\d+(\.\d+)?) ", re.MULTILINE)


def rows() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Id, sections of the SPEC, and the tests named."""
    return [
        (id_, sections, _TEST.findall(tests))
        for id_, _, _, sections, tests in _ROW.findall(THREATS.read_text("utf-8"))
    ]


def faults() -> Iterator[str]:
    """What is wrong with the table: nothing, if all is well."""
    table = rows()
    ids = [id_ for id_, _, _ in table]
    controlled = {defence.id for defence in DEFENCES}
    spec = {number for number, _ in _SECTION.findall((ROOT / "SPEC.md").read_text("utf-8"))}
    yield from (f"{id_}: stands twice" for id_ in sorted(set(ids)) if ids.count(id_) > 1)
    yield from (f"{id_}: no control" for id_ in ids if id_ not in controlled)
    yield from (f"{id_}: a control for an attack that the table does not have" for id_ in controlled - {*ids})
    for id_, sections, tests in table:
        if not tests:
            yield f"{id_}: no test"
        yield from (f"{id_}: SPEC.md has no section {one}" for one in sections.split(", ") if one not in spec)
        for file, name in tests:
            yield from (f"{id_}: {fault}" for fault in _test_faults(id_, file, name))
    for defence in DEFENCES:
        file, _, name = defence.test.partition("::")
        yield from (f"{defence.id}: {one}" for one in _test_faults(defence.id, file, name.partition("[")[0]))
        texts: dict[str, str] = {}
        for cut in defence.cuts:
            try:
                texts[cut.file] = cut.made(texts.get(cut.file) or (ROOT / cut.file).read_text("utf-8"))
            except ValueError as fault:
                yield f"{defence.id}: {fault}"
        for changed, text in texts.items():
            compile(text, changed, "exec")


def _test_faults(id_: str, file: str, name: str) -> Iterator[str]:
    if id_.lower() not in name.removeprefix("test_").split("_"):
        yield f"{name} is not named for it"
    if f"def {name}(" not in (ROOT / file).read_text("utf-8"):
        yield f"{file} has no {name}"
