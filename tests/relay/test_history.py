"""Random histories with retries and restarts against a model in a dozen lines (threats R1, R4, R5)."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from mce_relay.core import Core
from mce_relay.store.protocol import Fate
from mce_relay.values import EnvelopeIn, Outcome, PublishIn

from mce_exchange.errors import RefusedError
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import Federation, fate, running

SENDERS, RECIPIENT = ("be", "es"), "pt"
STEP = st.one_of(
    st.tuples(st.sampled_from(["submit", "void"]), st.sampled_from(SENDERS), st.integers(1, 4)),
    st.tuples(st.sampled_from(["again", "deliver", "refuse"]), st.just(""), st.integers(0, 9)),
    st.just(("restart", "", 0)),
)


@dataclass
class Model:
    """What a correct relay knows: who used a number, where each message stands, which are final."""

    numbers: dict[tuple[str, int], bytes] = field(default_factory=dict)
    messages: list[tuple[EnvelopeIn, bytes, int]] = field(default_factory=list)
    final: set[bytes] = field(default_factory=set)
    size: int = 0


def expect(outcome: Outcome, reason: str | None, model: Model) -> None:
    """Accepted at the next index if `reason` is None, else refused with just this reason."""
    if reason is None:
        assert not isinstance(outcome, RefusedError), outcome
        assert outcome.receipt.index == model.size
        model.size += 1
    else:
        assert isinstance(outcome, RefusedError)
        assert outcome.reason == reason


async def submit(core: Core, f: Federation, model: Model, sender: str, number: int) -> None:
    f[sender].sent[RECIPIENT] = (number - 1, bytes(32) if number > 1 else b"")
    envelope = f.envelope(sender, RECIPIENT)
    used = (sender, number) in model.numbers
    [outcome] = await core.submit(sender, [envelope])
    index = model.size
    expect(outcome, "sequence_used" if used else None, model)
    if not used:
        id_ = f.id(envelope.statement)
        model.numbers[sender, number] = id_
        model.messages.append((envelope, id_, index))


async def void(core: Core, f: Federation, model: Model, sender: str, number: int) -> None:
    body = statement_pb2.Void(
        signers=[f[sender].key.public.id], sender=sender, recipient=RECIPIENT, sequence=number
    )
    raw = f.sign("void", body, f[sender].key)
    [outcome] = await core.publish(sender, [PublishIn(raw)])
    user = model.numbers.get((sender, number))
    if user == f.id(raw):
        # The same void signed anew is the one that stands there already.
        assert not isinstance(outcome, RefusedError)
        return
    expect(outcome, "sequence_used" if user else None, model)
    if not user:
        model.numbers[sender, number] = f.id(raw)


async def acknowledge(core: Core, f: Federation, model: Model, which: int, *, deliver: bool) -> None:
    _, id_, index = model.messages[which % len(model.messages)]
    by_person = statement_pb2.REFUSAL_CODE_BY_PERSON
    item = (
        f.delivered(RECIPIENT, (id_, index, 0)) if deliver else f.refused(RECIPIENT, id_, index, 0, by_person)
    )
    said = f.id(item.statement)
    [outcome] = await core.publish(RECIPIENT, [item])
    if said in model.final:
        assert not isinstance(outcome, RefusedError)
        return
    expect(outcome, "already_final" if id_ in model.final else None, model)
    model.final |= {id_} if id_ in model.final else {id_, said}


async def again(core: Core, f: Federation, model: Model, which: int) -> None:
    envelope, id_, index = model.messages[which % len(model.messages)]
    sender = next(sender for (sender, _), user in model.numbers.items() if user == id_)
    [outcome] = await core.submit(sender, [envelope])
    assert not isinstance(outcome, RefusedError)
    assert (outcome.receipt.index, outcome.statement) == (index, envelope.statement)


async def play(folder: Path, f: Federation, steps: list[tuple[str, str, int]]) -> None:
    model = Model(size=1 + len(f.parties))
    while True:
        async with running(f, folder) as core:
            while steps:
                what, sender, number = steps.pop(0)
                if what == "restart":
                    break
                if what == "submit":
                    await submit(core, f, model, sender, number)
                elif what == "void":
                    await void(core, f, model, sender, number)
                elif model.messages and what == "again":
                    await again(core, f, model, number)
                elif model.messages:
                    await acknowledge(core, f, model, number, deliver=what == "deliver")
                assert core.state.size == model.size
            else:
                waiting = [index for _, id_, index in model.messages if id_ not in model.final]
                fates = [await fate(core, RECIPIENT, index) for _, _, index in model.messages]
                pending = [one is Fate.PENDING for one in fates]
                assert [
                    i for (_, _, i), waits in zip(model.messages, pending, strict=True) if waits
                ] == waiting
                return


@given(st.lists(STEP, min_size=5, max_size=25))
@settings(max_examples=25, deadline=None)
def test_every_history_agrees_with_the_model(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), Federation(("be", "es", "pt")), list(steps)))
