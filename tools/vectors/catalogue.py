"""Every fault, its group and the good vector that it is cut from."""

from collections.abc import Iterator, Mapping

from tools.vectors import (
    faults_anchor,
    faults_authors,
    faults_chain,
    faults_evidence,
    faults_framing,
    faults_header,
    faults_log,
    faults_note,
    faults_opening,
    faults_records,
    faults_statement,
    faults_wire,
)
from tools.vectors.files import Fault, Good
from tools.vectors.history import History

Catalogued = Iterator[tuple[str, Good, Fault]]


def faults(history: History, goods: Mapping[str, Good]) -> Catalogued:
    """Group, base, fault."""
    yield from _envelope(history, goods)
    yield from _statement(history, goods)
    yield from _directory(history, goods)
    yield from _log(history, goods)


def _envelope(history: History, goods: Mapping[str, Good]) -> Catalogued:
    base = history.envelope
    for made in (
        faults_framing.framing(base),
        faults_framing.signatures(base),
        faults_framing.authority(base),
        faults_wire.encoding(base),
        faults_wire.bounds(base),
        faults_header.parts(base),
        faults_header.wraps(base),
        faults_opening.commitments(base),
        faults_opening.payloads(base),
        faults_opening.contradictions(base),
        faults_opening.attachments(base),
    ):
        for fault in made:
            yield "envelope", goods["envelope-es"], fault
    for fault in faults_header.rewraps(base):
        yield "envelope", goods["envelope-re-wrapped"], fault


def _statement(history: History, goods: Mapping[str, Good]) -> Catalogued:
    for made in (
        faults_authors.authority(history),
        faults_statement.contradictions(history),
        faults_authors.bounds(history),
    ):
        for name, fault in made:
            yield "statement", goods[name], fault


def _directory(history: History, goods: Mapping[str, Good]) -> Catalogued:
    base = history.directories
    for made in (
        faults_chain.chain(base),
        faults_chain.geneses(base),
        faults_chain.signatures(base),
        faults_records.members(base),
        faults_records.keys(base),
        faults_records.log_and_witnesses(base),
        faults_records.bounds(base),
    ):
        for fault in made:
            yield "directory", goods["directory-by-one"], fault


def _log(history: History, goods: Mapping[str, Good]) -> Catalogued:
    world = history.world
    for name, made in (
        ("entry", faults_log.entries(goods["entry"])),
        ("checkpoint", faults_note.notes_(goods["checkpoint"])),
        ("checkpoint", faults_note.checkpoints(world, goods["checkpoint"])),
        ("anchor", faults_anchor.anchors(world, goods["anchor"])),
        ("receipt", faults_log.receipts(world, goods["receipt"])),
        ("consistency", faults_log.consistency(world, goods["consistency"])),
        ("evidence", faults_evidence.form(goods["evidence"])),
        ("evidence", faults_evidence.contents(history, goods["evidence"])),
        ("evidence-payload", faults_evidence.disclosures(history, goods["evidence-payload"])),
        ("evidence-fork", faults_evidence.forks(history, goods["evidence-fork"])),
        ("evidence", faults_evidence.bounds(goods["evidence"], faults_evidence.RECORDS)),
        ("evidence-payload", faults_evidence.bounds(goods["evidence-payload"], faults_evidence.DISCLOSURE)),
        ("evidence-fork", faults_evidence.bounds(goods["evidence-fork"], faults_evidence.FORK)),
    ):
        for fault in made:
            yield "log", goods[name], fault
