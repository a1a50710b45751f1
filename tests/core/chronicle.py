"""A federation with a board, witnesses and a clock, whose log a test writes line by line."""

from collections.abc import Callable
from dataclasses import replace

from mce_exchange.directory import compose
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum, WitnessKey, attach, cosign
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES, RELAY_KEY, ROOTS, Federation, signed

NOW = NOW_MINUTES * 60
DAY = 24 * 3600
BOARD = [PrivateKey.from_seed(bytes([150 + i]) * 64) for i in range(3)]
NEW = PrivateKey.from_seed(b"new!" * 16)
WITNESSES = {
    name: (Ed25519Key.from_seed(b"w" * 30 + name.encode()), MlDsa44Key.from_seed(b"w" * 30 + name.encode()))
    for name in ("be", "es", "pt")
}


class Chronicle(Federation):
    """`be` has a board of two of three; with `witnesses` each member runs one, and two of three do."""

    def __init__(self, *, witnesses: bool = False) -> None:
        self._witnesses = witnesses
        # Member records of the versions after the first, by log index.
        self.records: dict[int, tuple[bytes, ...]] = {}
        super().__init__()

    def draft(self) -> Draft:
        draft = super().draft()
        members = [
            replace(one, board_keys=tuple(new_key(key.public) for key in BOARD), board_threshold=2)
            if one.id == "be"
            else one
            for one in draft.members
        ]
        draft = replace(draft, members=members)
        return replace(draft, **witnessed()) if self._witnesses else draft  # type: ignore[arg-type]  # Draft's fields

    def next(self, change: Callable[[Draft], Draft], *roots: PrivateKey) -> Bundle:
        """The next version, signed."""
        current = self.state.directory
        made = compose.successor(change(Draft.of(current)), current=current, now_minutes=NOW_MINUTES)
        return signed(made, roots or ROOTS[:2], network_id=self.network_id)

    def proceed(self, change: Callable[[Draft], Draft]) -> int:
        """Log the next version."""
        bundle = self.next(change)
        index = self.publish(bundle.statement, bundle.members)
        self.records[index] = bundle.members
        return index

    def with_status(self, member: str, status: Status) -> int:
        """Log a version in which a member has this status."""

        def change(draft: Draft) -> Draft:
            return replace(
                draft,
                members=[replace(m, status=status) if m.id == member else m for m in draft.members],
            )

        return self.proceed(change)

    def clock(self, days: float, *, key: PrivateKey = RELAY_KEY, anchor: bytes | None = None) -> int:
        """Log a `clock` whose anchor was made so many days after the beginning."""
        note = self.anchor(int(NOW + days * DAY)) if anchor is None else anchor
        body = statement_pb2.Clock(signers=[key.public.id], anchor=note)
        return self.publish(self.sign("clock", body.SerializeToString(), key).raw)

    def cosigned(self, days: float, *names: str) -> bytes:
        """An anchor with these witnesses' lines."""
        time = int(NOW + days * DAY)
        note = Federation.anchor(self, time)
        for name in names:
            e, m = WITNESSES[name]
            note = attach(note, cosign(note, name=f"{name}/w", time=time, ed25519=e, ml_dsa_44=m))
        return note

    def revoke(self, key: PrivateKey, *signers: PrivateKey, cut: bytes, member: str = "be") -> int:
        """Log a revocation."""
        body = statement_pb2.Revocation(
            signers=[one.public.id for one in signers],
            member=member,
            key_id=key.public.id,
            cut=cut,
            reason=statement_pb2.REVOCATION_REASON_COMPROMISED,
        )
        return self.publish(self.sign("revocation", body.SerializeToString(), *signers).raw)

    def suspension(self, member: str, *, root: PrivateKey = ROOTS[0]) -> bytes:
        """A suspension by one root."""
        body = statement_pb2.Suspension(
            signers=[root.public.id],
            member=member,
            anchor=self.anchor(),
            reason=statement_pb2.SUSPENSION_REASON_MISUSE,
        )
        return self.sign("suspension", body.SerializeToString(), root).raw

    def contest(self, member: str, key: PrivateKey, *, of: bytes = bytes(32)) -> int:
        """Log a contest."""
        body = statement_pb2.Contest(signers=[key.public.id], member=member, statement_id=of)
        return self.publish(self.sign("contest", body.SerializeToString(), key).raw)

    def recovery(
        self,
        *board: PrivateKey,
        key: PrivateKey = NEW,
        member: str = "be",
        cut: bytes | None = None,
        certificates: tuple[bytes, ...] = (),
    ) -> bytes:
        """A board's recovery."""
        body = statement_pb2.BoardRecovery(
            signers=[one.public.id for one in board],
            member=member,
            new_key=statement_pb2.SigningKey(ed25519=key.public.ed25519, ml_dsa_65=key.public.ml_dsa_65),
            certificates=certificates,
            cut=self.anchor() if cut is None else cut,
        )
        return self.sign("board-recovery", body.SerializeToString(), *board).raw


def witnessed() -> dict[str, object]:
    """What a draft says of three witnesses, two of which make a quorum."""
    keys = tuple(
        Living(value=WitnessKey(f"{name}/w", name, e.public, m.public), life=Life(added=0))
        for name, (e, m) in WITNESSES.items()
    )
    return {"witness_keys": keys, "quorum": Quorum(2, 3)}
