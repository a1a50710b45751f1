"""Anchors: the log's two signatures, its witnesses, the time they agree on (SPEC 9.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import note
from .note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, Checkpoint
from .refusal import must


@dataclass(frozen=True)
class LogKey:
    """The log's public keys."""

    ed25519: bytes
    ml_dsa_44: bytes


@dataclass(frozen=True)
class Witness:
    """A witness that lives at the anchor's size."""

    name: str
    ed25519: bytes
    ml_dsa_44: bytes


@dataclass(frozen=True)
class Anchor:
    """A verified anchor; `relay_clock` says that no witness stands behind its time."""

    checkpoint: Checkpoint
    time: int
    witnesses: tuple[str, ...]
    relay_clock: bool


def verify(
    data: bytes, origin: str, log_key: Callable[[int], LogKey], witnesses: Callable[[int], Sequence[Witness]]
) -> Anchor:
    """Keys are asked for by the size that the note names."""
    checkpoint = note.parse(data)
    log = log_key(checkpoint.size)
    note.verify_log_line(checkpoint, origin, log.ed25519)
    own = note.lines_of(checkpoint, origin, COSIGNATURE_ML_DSA_44, log.ml_dsa_44)
    must(len(own) == 1, "log", "not one ML-DSA-44 line of the log")
    log_time = note.verify_ml_dsa_44(checkpoint, origin, log.ml_dsa_44, own[0])
    times = {
        w.name: time for w in witnesses(checkpoint.size) if (time := _witness_time(checkpoint, w)) is not None
    }
    ordered = sorted(times.values())
    return Anchor(
        checkpoint=checkpoint,
        time=ordered[(len(ordered) - 1) // 2] if ordered else log_time,
        witnesses=tuple(times),
        relay_clock=not ordered,
    )


def _witness_time(checkpoint: Checkpoint, witness: Witness) -> int | None:
    """None if it has not signed; both lines once, holding, at one time, or the anchor is refused."""
    classical = note.lines_of(checkpoint, witness.name, COSIGNATURE_ED25519, witness.ed25519)
    quantum = note.lines_of(checkpoint, witness.name, COSIGNATURE_ML_DSA_44, witness.ml_dsa_44)
    if not classical and not quantum:
        return None
    must(len(classical) == len(quantum) == 1, "log", f"{witness.name}: one line alone, or one twice")
    time = note.verify_cosignature(checkpoint, witness.name, witness.ed25519, classical[0])
    other = note.verify_ml_dsa_44(checkpoint, witness.name, witness.ml_dsa_44, quantum[0])
    must(time == other, "log", f"{witness.name}: two times")
    return time
