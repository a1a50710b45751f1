"""The log of the vectors, entry by entry: every type of Statement, two Directories, one message."""

from dataclasses import dataclass, replace
from typing import Final

from mce_exchange import statement
from mce_exchange.directory import compose
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living, SigningKey
from mce_exchange.sealing import rewrap
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2 as pb
from tools.vectors import directory_base
from tools.vectors.envelope_base import Base
from tools.vectors.world import (
    BOARD,
    CONTENT_KEY,
    COSIGNERS,
    NOW_MINUTES,
    PASSED_OVER,
    PREKEYS,
    SIGNERS,
    World,
    seal_message,
    seed,
    signers,
)

WEEK: Final = 7 * 24 * 60


@dataclass(frozen=True, kw_only=True)
class History:
    """The world after its last entry, the envelope in it, the wrap of its re-wrap."""

    world: World
    envelope: Base
    rewrap: bytes
    directories: directory_base.Base


def build() -> History:
    """From nothing."""
    world = World()
    for key in ("be-1", "es-1", "pt-1", "es-2"):
        world.log(f"prekey-{key}", prekey(world, key))
    message = seal_message(world)
    index = world.log("header", message.sealed.statement)
    envelope = Base(world, index, message.sealed, message.attachment, message.content)
    id_ = message.sealed.id
    world.log("delivered-pt", _delivered(world, "pt-1", id_, index, 1))
    world.log("refused", _refused(world, id_, index))
    again, wrap = rewrap(
        message.sealed.header,
        header_id=id_,
        recipient_index=0,
        content_key=CONTENT_KEY,
        prekey_id=world.state.prekeys["es"][1].id,
        prekey=PREKEYS["es-2"].public,
        network_id=world.network_id,
        keys=[SIGNERS["be-1"]],
    )
    world.log("re-wrap", again)
    world.log("delivered-es", _delivered(world, "es-1", id_, index, 0))
    _about_messages(world, id_)
    _public(world)
    world.log("directory-2", *_directory_2(world))
    _after(world)
    base = directory_base.Base(world)
    return History(world=world, envelope=envelope, rewrap=wrap, directories=base)


def prekey(world: World, key: str, **changed: object) -> Statement:
    """The prekey of a member with this number as epoch, by its first key."""
    member, epoch = key.split("-")
    known = world.state.prekeys.get(member, ())
    body = pb.Prekey(
        signers=signers(f"{member}-1"),
        member=member,
        epoch=int(epoch),
        previous=known[-1].id if known else b"",
        public_key=PREKEYS[key].public,
        not_before_minutes=NOW_MINUTES,
        nominal_end_minutes=NOW_MINUTES + WEEK,
    )
    for name, value in changed.items():
        setattr(body, name, value)
    return world.sign("prekey", body, f"{member}-1")


def _delivered(world: World, key: str, id_: bytes, index: int, place: int) -> Statement:
    body = pb.Delivered(signers=signers(key), member=key.split("-")[0])
    body.items.add(header_id=id_, index=index, recipient_index=place)
    return world.sign("delivered", body, key)


def _refused(world: World, id_: bytes, index: int) -> Statement:
    body = pb.Refused(signers=signers("es-1"), member="es")
    body.items.add(header_id=id_, index=index, recipient_index=0, code=pb.REFUSAL_CODE_PREKEY_NOT_HELD)
    return world.sign("refused", body, "es-1")


def _about_messages(world: World, id_: bytes) -> None:
    void = pb.Void(
        signers=signers("be-1"), sender="be", recipient="es", sequence=2, annulled_id=seed("burned")
    )
    world.log("void", world.sign("void", void, "be-1"))
    mark = pb.HighWater(
        signers=signers("be-1"),
        sender="be",
        recipient="pt",
        sequence=2,
        header_id=id_,
        log_size=world.tree.size,
        log_root=world.tree.root(),
    )
    world.log("high-water", world.sign("high-water", mark, "be-1"))
    lost = pb.Undeliverable(
        signers=signers("relay-1"),
        header_id=seed("another header"),
        recipient="pt",
        code=pb.UNDELIVERABLE_CODE_MAILBOX_FULL,
    )
    world.log("undeliverable", world.sign("undeliverable", lost, "relay-1"))
    late = pb.Overdue(
        signers=signers("relay-1"),
        header_id=seed("another header"),
        recipient="es",
        anchor=world.anchor(8),
    )
    world.log("overdue", world.sign("overdue", late, "relay-1"))
    gone = pb.Erasure(
        signers=signers("relay-1"),
        author="relay",
        what=pb.ERASED_PART_CIPHERTEXT,
        header_ids=[id_],
        anchor=world.anchor(10),
    )
    world.log("erasure", world.sign("erasure", gone, "relay-1"))


def _public(world: World) -> None:
    doors = pb.TlsKeys(
        signers=signers("be-1"), member="be", number=1, certificates=[world.doors["be"], world.doors["be-2"]]
    )
    index = world.log("tls-keys", world.sign("tls-keys", doors, "be-1"))
    contested = world.entries[index].statement.id(world.network_id)
    contest = pb.Contest(signers=signers("be-2"), member="be", statement_id=contested)
    world.log("contest", world.sign("contest", contest, "be-2"))
    clock = pb.Clock(signers=signers("relay-1"), anchor=world.anchor(16))
    world.log("clock", world.sign("clock", clock, "relay-1"))
    held = pb.Suspension(
        signers=signers("root-2"), member="pt", anchor=world.anchor(12), reason=pb.SUSPENSION_REASON_REQUESTED
    )
    world.log("suspension", world.sign("suspension", held, "root-2"))
    held.member = "audit"
    world.log("suspension-2", world.sign("suspension", held, "root-2"))


def directory(world: World, draft: Draft, *keys: str) -> tuple[Statement, tuple[bytes, ...]]:
    """The version after the state's, by these roots."""
    made = compose.successor(draft, current=world.state.directory, now_minutes=NOW_MINUTES + WEEK)
    for key in keys or ("root-1", "root-2"):
        made = compose.sign_directory(made, SIGNERS[key], network_id=world.network_id)
    return statement.decode(made.statement), made.members


def second(world: World) -> Draft:
    """Version 2: two roots from now on, `fr` joins, keys of `be`, the log and a root change, `pt` is back."""
    draft = Draft.of(world.state.directory)
    ends = {SIGNERS["be-2"].public.id, SIGNERS["root-3"].public.id}

    def aged(keys: tuple[SigningKey, ...]) -> tuple[SigningKey, ...]:
        return tuple(
            replace(key, life=replace(key.life, removed=2)) if key.public.id in ends else key for key in keys
        )

    first = draft.log_keys[0]
    return replace(
        draft,
        root_threshold=2,
        root_keys=(*aged(tuple(draft.root_keys)), new_key(SIGNERS["root-4"].public)),
        members=(*(replace(one, keys=aged(one.keys)) for one in draft.members), world.member("fr")),
        log_keys=(
            replace(first, life=replace(first.life, removed=2)),
            Living(value=COSIGNERS["log-2"].public, life=Life(added=0)),
        ),
        lifted_suspensions=tuple(one.id for one in world.state.suspended.values()),
    )


def _directory_2(world: World) -> tuple[Statement, tuple[bytes, ...]]:
    return directory(world, second(world))


def _after(world: World) -> None:
    revoked = pb.Revocation(
        signers=signers("es-1"),
        member="es",
        key_id=SIGNERS["es-2"].public.id,
        cut=world.anchor(),
        reason=pb.REVOCATION_REASON_LOST,
    )
    world.log("revocation", world.sign("revocation", revoked, "es-1"))
    key = SIGNERS["pt-3"].public
    recovery = pb.BoardRecovery(
        signers=signers(*BOARD),
        member="pt",
        new_key=pb.SigningKey(ed25519=key.ed25519, ml_dsa_65=key.ml_dsa_65),
        cut=world.anchor(),
    )
    world.log("board-recovery", world.sign("board-recovery", recovery, *BOARD))
    soon = pb.Clock(signers=signers("relay-1"), anchor=world.anchor(17))
    world.log(f"{PASSED_OVER}-clock", world.sign("clock", soon, "relay-1"))
    index, header = world.entry("header")
    id_ = header.statement.id(world.network_id)
    # Genuine, and worth nothing for this message: place 1 is pt's.
    world.log("delivered-by-another", _delivered(world, "es-1", id_, index, 1))
    again = world.sign("void", world.entry("void")[1].statement.body, "be-1")
    world.log(f"{PASSED_OVER}-void-again", again)
    lost = _delivered(world, "be-2", id_, index, 0)
    world.log(f"{PASSED_OVER}-delivered", lost)
