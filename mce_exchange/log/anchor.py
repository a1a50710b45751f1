"""Anchors: checkpoints with a time, signed by the log with ML-DSA-44 too, and by witnesses.

A cosigner counts once, with both its lines (C2SP tlog-cosignature: Ed25519 and ML-DSA-44) over one
time. Below the quorum an anchor still opens: missing witnesses raise alarms, they stop nothing
(promise 12); `require_quorum` is for those who call it evidence.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mce_exchange import limits
from mce_exchange.errors import LogError, MalformedError, UsageError
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint, LogKey, ed25519_line, read_checkpoint, verified
from mce_exchange.log.note import Algorithm, Note, Signature
from mce_exchange.primitives import verify
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key

SKEW: Final = 600
"""Seconds by which a cosignature's time may differ from the clock of whoever takes or makes it."""
_TIME: Final = 8


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness: its name in cosignature lines, who runs it, Ed25519 (32 bytes), ML-DSA-44 (1,312 bytes)."""

    name: str
    member: str
    ed25519: bytes
    ml_dsa_44: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """A witness with its private keys."""

    name: str
    member: str
    ed25519: Ed25519Key
    ml_dsa_44: MlDsa44Key

    @property
    def public(self) -> WitnessKey:
        """As the Directory names it."""
        return WitnessKey(self.name, self.member, self.ed25519.public, self.ml_dsa_44.public)

    def lines(self, note: bytes, *, time: int) -> bytes:
        """Its two lines, as they stand in a note; see `cosign`."""
        return notes.encode_lines(
            cosign(note, name=self.name, time=time, ed25519=self.ed25519, ml_dsa_44=self.ml_dsa_44)
        )


@dataclass(frozen=True, slots=True)
class Quorum:
    """k of n witnesses; 0 of 0 says that nobody witnesses."""

    k: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A verified anchor. `time` is POSIX seconds: the median of the cosignatures, else the log's own.

    `frozen` is the log's own, `times` are those of the witnesses by their names.
    """

    checkpoint: Checkpoint
    time: int
    frozen: int
    times: Mapping[str, int]
    quorum: Quorum
    note: bytes

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Who has cosigned, ascending."""
        return tuple(sorted(self.times))

    @property
    def witnessed(self) -> bool:
        """Whether the quorum has cosigned; 0 of 0 always has, and `text` says what that is worth."""
        return len(self.times) >= self.quorum.k

    @property
    def text(self) -> str:
        """For people: how many witnesses, whose clock."""
        clock = "witnesses' clocks, median" if self.times else "relay's clock"
        return f"{len(self.times)} of {self.quorum.n} witnesses (quorum {self.quorum.k}), {clock}"

    def require_quorum(self) -> None:
        """Raise `LogError` below the quorum."""
        if not self.witnessed:
            raise LogError(f"an anchor with {self.text}", remedy="wait for the witnesses; delivery goes on")


def sign_anchor(checkpoint: Checkpoint, *, time: int, ed25519: Ed25519Key, ml_dsa_44: MlDsa44Key) -> bytes:
    """Freeze a checkpoint at a POSIX time in seconds above 0: the log's two lines."""
    timed = _ml_dsa_line(checkpoint, checkpoint.origin, time, ml_dsa_44)
    return Note(checkpoint.text, (ed25519_line(checkpoint, ed25519), timed)).encode()


def cosign(
    note: bytes, *, name: str, time: int, ed25519: Ed25519Key, ml_dsa_44: MlDsa44Key
) -> tuple[Signature, Signature]:
    """A witness's two lines. The caller has checked consistency with everything it signed before."""
    checkpoint = read_checkpoint(notes.parse(note).text)
    stamp = time.to_bytes(_TIME, "big")
    hash_ = notes.key_hash(name, Algorithm.COSIGNATURE_ED25519, ed25519.public)
    signature = ed25519.sign(_ed25519_message(checkpoint, time))
    return (
        Signature(name, hash_, stamp + signature),
        _ml_dsa_line(checkpoint, name, time, ml_dsa_44),
    )


def attach(note: bytes, lines: Sequence[Signature]) -> bytes:
    """The note with further lines; each takes the place of an earlier one by the same key."""
    parsed = notes.parse(note)
    keys = {(line.name, line.key_hash) for line in lines}
    kept = tuple(line for line in parsed.signatures if (line.name, line.key_hash) not in keys)
    return Note(parsed.text, kept + tuple(lines)).encode()


def are_both(lines: Sequence[Signature], witness: WitnessKey) -> bool:
    """Whether these are one line of each of the witness's keys; whether they hold says `open_anchor`."""
    kinds = (
        (Algorithm.COSIGNATURE_ED25519, witness.ed25519),
        (Algorithm.COSIGNATURE_ML_DSA_44, witness.ml_dsa_44),
    )
    wanted = sorted((witness.name, notes.key_hash(witness.name, kind, public)) for kind, public in kinds)
    return sorted((one.name, one.key_hash) for one in lines) == wanted


def open_anchor(
    data: bytes,
    *,
    origin: str,
    log_key: Callable[[int], LogKey],
    witnesses: Callable[[int], Sequence[WitnessKey]],
    quorum: Callable[[int], Quorum],
) -> Anchor:
    """Verify the log's lines and every known witness's; keys and quorum are asked for by tree size.

    Raises `MalformedError`, `LimitError`, `ContextError` for another log, `LogError` for a missing or
    false signature of the log or of a known witness.
    """
    note = notes.parse(data)
    size = read_checkpoint(note.text).size
    key = log_key(size)
    checkpoint = verified(note, origin=origin, key=key)
    own = _ml_dsa_time(note, checkpoint, origin, key.ml_dsa_44)
    if not own:
        raise LogError("an anchor without the log's one valid ML-DSA-44 line and its time")
    times = {w.name: time for w in witnesses(size) if (time := _witness_time(note, checkpoint, w))}
    return Anchor(
        checkpoint=checkpoint,
        time=statistics.median_low(times.values()) if times else own,
        frozen=own,
        times=times,
        quorum=quorum(size),
        note=data,
    )


def claimed_time(data: bytes) -> int:
    """The time in the log's own ML-DSA-44 line, for people without the log's key; 0 unless there is just one.

    Changed, it opens for nobody; but a second such line by another key would. `MalformedError`, `LimitError`.
    """
    note = notes.parse(data)
    origin, size = read_checkpoint(note.text).origin, _TIME + limits.ML_DSA_44_SIGNATURE
    found = [one.value for one in note.signatures if one.name == origin and len(one.value) == size]
    return int.from_bytes(found[0][:_TIME], "big") if len(found) == 1 else 0


def _witness_time(note: Note, checkpoint: Checkpoint, witness: WitnessKey) -> int:
    """0 if this witness has not signed; `LogError` if a line of its own is false or its times differ."""
    values = note.values(witness.name, Algorithm.COSIGNATURE_ED25519, witness.ed25519)
    post_quantum = _ml_dsa_time(note, checkpoint, witness.name, witness.ml_dsa_44)
    if not values and not post_quantum:
        return 0
    time = int.from_bytes(values[0][:_TIME], "big") if len(values) == 1 else 0
    # A line at time 0 beside none of the other kind would be half a cosignature.
    if (
        not time
        or time != post_quantum
        or not verify.ed25519(witness.ed25519, values[0][_TIME:], _ed25519_message(checkpoint, time))
    ):
        raise LogError(f"witness {witness.name} has not signed with both its keys at one time")
    return time


def _ml_dsa_time(note: Note, checkpoint: Checkpoint, name: str, public: bytes) -> int:
    values = note.values(name, Algorithm.COSIGNATURE_ML_DSA_44, public)
    if not values:
        return 0
    time = int.from_bytes(values[0][:_TIME], "big")
    if len(values) != 1 or not 0 < time < 2**63:
        raise LogError(f"{name} signs an anchor twice or without a time")
    if not verify.ml_dsa_44(public, values[0][_TIME:], _ml_dsa_message(checkpoint, name, time)):
        raise LogError(f"an ML-DSA-44 signature of {name} does not hold")
    return time


def _ml_dsa_line(checkpoint: Checkpoint, name: str, time: int, key: MlDsa44Key) -> Signature:
    if not 0 < time < 2**63 or not notes.good_name(name):
        raise UsageError(f"an anchor needs a time above 0 and a name without spaces, not {time}")
    hash_ = notes.key_hash(name, Algorithm.COSIGNATURE_ML_DSA_44, key.public)
    value = key.sign(_ml_dsa_message(checkpoint, name, time))
    return Signature(name, hash_, time.to_bytes(_TIME, "big") + value)


def _ed25519_message(checkpoint: Checkpoint, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()


def _ml_dsa_message(checkpoint: Checkpoint, name: str, time: int) -> bytes:
    # C2SP's `cosigned_message` for a whole tree: it starts at leaf 0 and commits to the cosigner's name.
    return b"".join(
        (
            b"subtree/v1\n\0",
            _short(name),
            time.to_bytes(_TIME, "big"),
            _short(checkpoint.origin),
            bytes(8),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def _short(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) < 256:
        raise MalformedError(f"a name of {len(data)} bytes, not 1 to 255")
    return bytes([len(data)]) + data
