"""Hypothesis's inputs for each target, and the engine that feeds them."""

import json
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from mce_exchange import statement
from mce_exchange.log.note import Note, Signature
from mce_exchange.v1 import case_pb2, directory_pb2, envelope_pb2, log_pb2
from mce_exchange.v1 import relay_pb2 as pb
from tests.fuzz import world
from tests.fuzz.messages import body, message
from tests.fuzz.mutate import frame
from tests.fuzz.probe import FoundError, Probe
from tests.fuzz.target import Target, tagged
from tests.fuzz.targets.formats import kinds
from tests.fuzz.targets.relay import ASKS

Bytes = st.SearchStrategy[bytes]

_BATCH: Final = 250

_NAME: Final = st.one_of(
    st.sampled_from(("w1", "w2", "x", "a+b", "a b", "", "\u00a0")), st.text(min_size=1, max_size=8)
)
_DATE: Final = st.from_regex(r"([0-9X]{4}(-[0-9]{2}){0,2}[~?%]?/?){1,3}", fullmatch=True)


def mutated(target: Target) -> Bytes:
    """Seeds after some of the target's mutations."""

    def make(seed: int, steps: int) -> bytes:
        rng = random.Random(seed)
        data = rng.choice(target.seeds())
        for _ in range(steps):
            data = target.mutate(data, rng)[: target.longest]
        return data

    return st.builds(make, st.integers(0, 2**64), st.integers(1, 3))


def _typed(types: Mapping[str, type[Message]]) -> Bytes:
    def tag(name: str) -> Callable[[bytes], bytes]:
        return lambda data: tagged(name, data)

    return st.one_of([body(kind).map(tag(name)) for name, kind in types.items()])


def _header() -> Bytes:
    """As many wraps as recipients, mostly."""

    def fit(header: Message) -> bytes:
        made = envelope_pb2.Header.FromString(header.SerializeToString())
        core = envelope_pb2.HeaderCore.FromString(made.core)
        for one in core.recipients:
            one.previous_id = b"" if one.sequence == 1 else one.previous_id or bytes(32)
        made.core = core.SerializeToString(deterministic=True)
        listed = list(made.wraps)
        del made.wraps[:]
        for number, _ in enumerate(core.recipients):
            made.wraps.append(listed[number % len(listed)] if listed else envelope_pb2.WrapCommitment())
        return made.SerializeToString(deterministic=True)

    return st.one_of(body(envelope_pb2.Header), message(envelope_pb2.Header).map(fit))


def _note() -> Bytes:
    values = st.one_of(st.binary(max_size=80), st.just(b"k" * 68))
    line = st.builds(Signature, _NAME, st.binary(min_size=4, max_size=4), values)
    text = st.one_of(st.just(world.network().checkpoint.text), st.text(max_size=60))
    lines = st.lists(line, max_size=4).map(tuple)
    return st.builds(Note, text, lines).map(lambda note: note.encode() if _encodes(note.text) else b"")


def _encodes(text: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def _checkpoint() -> Bytes:
    origin = st.one_of(st.just(world.network().state.directory.origin), _NAME)
    size = st.one_of(st.integers(0, 2**62 + 1).map(str), st.sampled_from(("4", "04", "+4", "\u0664", "")))
    root = st.one_of(
        st.just(world.network().checkpoint.text.split("\n")[2]),
        st.from_regex(r"[A-Za-z0-9+/]{43}=", fullmatch=True),
    )
    return st.builds(lambda *lines: "\n".join((*lines, "")).encode(errors="replace"), origin, size, root)


def _json() -> Bytes:
    """Case messages by the standard mapping, and values of any kind under their names."""
    good = message(case_pb2.CaseMessage).map(_as_json)
    names = st.sampled_from([field.name for field in case_pb2.CaseMessage.DESCRIPTOR.fields] + ["x"])
    plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10))
    held = st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
    )
    return st.one_of(good, st.dictionaries(names, held, max_size=4).map(json.dumps)).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )


def _as_json(made: Message) -> str:
    try:
        return str(json_format.MessageToJson(made))
    except (ValueError, json_format.SerializeToJsonError):  # a time or a mask that JSON has no form for
        return "{}"


def _config() -> Bytes:
    keys = st.sampled_from(
        (
            "id",
            "listen",
            "data",
            "metrics",
            "anchor_seconds",
            "drain_seconds",
            "deadline_seconds",
            "urgent_reserve",
        )
    )
    numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.lists(st.floats(), max_size=4))
    values = st.one_of(st.text(max_size=10).map(json.dumps), numbers.map(_toml))
    lines = st.lists(st.builds("{} = {}".format, keys, values), max_size=4)
    return st.builds(
        lambda top, quotas: "\n".join((*top, "[quotas]", *quotas)).encode(errors="replace"), lines, lines
    )


def _toml(value: object) -> str:
    return str(value).lower()


def _story() -> Bytes:
    private = {name: kind for name, kind in statement.BODIES.items() if name != statement.DIRECTORY}
    parts = st.lists(st.one_of(_typed(private), _stock()), min_size=1, max_size=4)
    return parts.map(frame)


def _stock() -> Bytes:
    return st.sampled_from([tagged(name, data) for name, data in world.bodies().items()])


@cache
def strategies() -> Mapping[str, Callable[[], Bytes]]:
    """By target; the others get mutations."""
    bodies = {name: kind for name, kind in statement.BODIES.items() if name != statement.DIRECTORY}
    public = {name: kind for name, kind in statement.PUBLIC.items() if name != statement.DIRECTORY}
    return {
        "wire": lambda: _typed(kinds()),
        "header": _header,
        "member-record": lambda: body(directory_pb2.MemberRecord),
        "member-card": lambda: body(directory_pb2.MemberCard),
        "relay-card": lambda: body(directory_pb2.RelayCard),
        "witness-card": lambda: body(directory_pb2.WitnessKey),
        "directory-file": lambda: body(directory_pb2.DirectoryBundle),
        "statement-by-insider": lambda: _typed(bodies),
        "public-by-insider": lambda: _typed(public),
        "note": _note,
        "checkpoint": _checkpoint,
        "receipt": lambda: body(log_pb2.Receipt),
        "payload-by-author": lambda: body(envelope_pb2.Payload),
        "case": lambda: body(case_pb2.CaseMessage),
        "case-json": _json,
        "date": lambda: _DATE.map(str.encode),
        "text": lambda: st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
        "relay-answer": lambda: body(pb.SubmitResponse),
        "batch": lambda: body(pb.ReceiveResponse),
        "batch-by-relay": lambda: body(pb.ReceiveResponse),
        "message": lambda: body(pb.ReceiveResponse),
        "evidence-by-insiders": _story,
        "relay-config": _config,
        "relay-submit": lambda: body(pb.Envelope),
        "relay-submit-by-insider": _header,
        "relay-publish": lambda: body(pb.PublishedStatement),
        "relay-publish-by-insider": lambda: st.one_of(_typed(bodies), _stock()),
        "relay-call": lambda: _typed(ASKS),
    }


def structured(probe: Probe, inputs: int, seed: int, work: Path) -> None:
    """Hypothesis: what it finds, it makes small. In batches, for it remembers all that it tried."""
    target = probe.target
    strategy = strategies().get(target.name.partition(":")[0], lambda: mutated(target))()
    for number in range(0, inputs, _BATCH):
        _examples(probe, strategy, min(_BATCH, inputs - number), seed + number)


def _examples(probe: Probe, strategy: Bytes, inputs: int, seed: int) -> None:
    last: list[FoundError] = []

    @seeded(seed)
    @settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(data: bytes) -> None:
        try:
            probe(data)
        except FoundError as found:
            last[:] = [found]
            raise

    try:
        one()
    # Whatever hypothesis makes of it, the last failure is the smallest.
    except BaseException:
        if last:
            raise last[0] from None
        raise
