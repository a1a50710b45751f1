"""The synthetic network of the vectors: keys from fixed seeds, two Directories, a log of every type.

Nobody in it exists. Signatures, wraps and certificates are random; everything else follows from here.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from google.protobuf.message import Message

from examples.scenario_s1 import ScenarioS1
from mce_exchange import case, statement
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Life, Living, Member, Relay, Role, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.keys import PrivateKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey, attach, cosign, sign_anchor
from mce_exchange.log.checkpoint import Checkpoint, LogKey, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Attachment, Sealed, To, seal, seal_streams
from mce_exchange.statement import Statement

NOW_MINUTES: Final = 29_000_000
NOW: Final = NOW_MINUTES * 60
CONTENT_KEY: Final = sha256(b"content key")
MESSAGE_REF: Final = sha256(b"message_ref")
ATTACHMENT: Final = b"p" * 300_000
SENDER: Final = "be"
RECIPIENTS: Final = ("es", "pt")


def seed(name: str) -> bytes:
    """SHA-256 of the name: 32 bytes that stand in network.json."""
    return sha256(f"mce1 vectors: {name}".encode())


def signer(name: str) -> PrivateKey:
    """A signing key; both seeds stand in network.json."""
    return PrivateKey.from_seed(seed(f"{name} ed25519") + seed(f"{name} ml_dsa_65"))


@dataclass(frozen=True)
class Cosigner:
    """A log's or a witness's two keys."""

    name: str

    @cached_property
    def keys(self) -> tuple[Ed25519Key, MlDsa44Key]:
        """Private."""
        return (
            Ed25519Key.from_seed(seed(f"{self.name} ed25519")),
            MlDsa44Key.from_seed(seed(f"{self.name} ml_dsa_44")),
        )

    @property
    def public(self) -> LogKey:
        """Public."""
        return LogKey(self.keys[0].public, self.keys[1].public)


SIGNERS: Final[Mapping[str, PrivateKey]] = {
    name: signer(name)
    for name in (
        *("root-1", "root-2", "root-3", "root-4", "relay-1"),
        *("audit-1", "be-1", "be-2", "be-3", "es-1", "es-2", "pt-1", "pt-2", "pt-3", "fr-1", "stranger"),
        *("pt-board-1", "pt-board-2"),
    )
}
COSIGNERS: Final[Mapping[str, Cosigner]] = {
    name: Cosigner(name) for name in ("log-1", "log-2", "witness-be", "witness-es", "witness-pt")
}
PREKEYS: Final[Mapping[str, KemKey]] = {
    name: KemKey(seed(f"prekey {name}")) for name in ("be-1", "es-1", "es-2", "es-3", "pt-1")
}
WITNESSES: Final = ("be", "es", "pt")
PASSED_OVER: Final = "passed-over"
"""How the names of entries begin that stand in the log and do not count."""
BOARD: Final = ("pt-board-1", "pt-board-2")


@dataclass(frozen=True, kw_only=True)
class Logged:
    """An entry: its Statement, a Directory's members."""

    name: str
    statement: Statement
    members: tuple[bytes, ...] = ()

    @property
    def raw(self) -> bytes:
        """The Statement's bytes."""
        return self.statement.raw


@dataclass
class World:
    """The log as it grows, and the public state."""

    entries: list[Logged] = field(default_factory=list)
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    states: list[PublicState] = field(default_factory=list)
    doors: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.doors = {name: make_certificate()[1] for name in ("be", "be-2", "es", "pt", "fr", "relay")}
        draft = Draft(
            name="Synthetic exercise",
            exercise=True,
            root_keys=tuple(new_key(SIGNERS[f"root-{number}"].public) for number in (1, 2, 3)),
            root_threshold=1,
            members=tuple(self.member(name) for name in ("audit", "be", "es", "pt")),
            relays=(
                Relay(
                    id="relay",
                    address="localhost:1",
                    keys=(new_key(SIGNERS["relay-1"].public),),
                    certificates=(self.doors["relay"],),
                    life=Life(added=0),
                ),
            ),
            log_keys=(Living(value=COSIGNERS["log-1"].public, life=Life(added=0)),),
            witness_keys=tuple(Living(value=self.witness(one), life=Life(added=0)) for one in WITNESSES),
            quorum=Quorum(2, 3),
            default_policy={Act.TRANSFER: 2},
        )
        self.genesis_random = seed("genesis_random")
        made = compose.genesis(draft, random=self.genesis_random, now_minutes=NOW_MINUTES)
        made = compose.sign_directory(made, SIGNERS["root-1"])
        self.network_id = trust.network_id_of(compose.body_of(made.statement)[0])
        self.states.append(PublicState.genesis(made, network_id=self.network_id))
        self._append(
            Logged(name="directory-1", statement=statement.decode(made.statement), members=made.members)
        )

    def member(self, name: str) -> Member:
        """A member's record; a hotline has two keys, the auditor one, and `be` that of another person."""
        keys = [new_key(SIGNERS[key].public) for key in (f"{name}-1", f"{name}-2") if key in SIGNERS]
        if name == "be":
            keys.append(new_key(SIGNERS["be-3"].public, label="second person"))
        return Member(
            id=name,
            name=f"Synthetic {name}",
            country="" if name == "audit" else name.upper(),
            role=Role.AUDITOR if name == "audit" else Role.HOTLINE,
            status=Status.ACTIVE,
            keys=tuple(keys),
            certificates=() if name == "audit" else (self.doors[name],),
            phone="" if name == "audit" else "+0000",
            policy={Act.URGENT: 2} if name == "be" else {},
            board_keys=tuple(new_key(SIGNERS[key].public) for key in BOARD) if name == "pt" else (),
            board_threshold=2 if name == "pt" else 0,
        )

    def witness(self, member: str) -> WitnessKey:
        """A member's witness."""
        key = COSIGNERS[f"witness-{member}"].public
        return WitnessKey(f"witness-{member}", member, key.ed25519, key.ml_dsa_44)

    # Signing and logging.

    @property
    def state(self) -> PublicState:
        """After all entries so far."""
        return self.states[-1]

    def state_before(self, index: int) -> PublicState:
        """After the entries below an index."""
        return self.states[index - 1]

    def sign(self, type_: str, body: Message | bytes, *keys: str) -> Statement:
        """A Statement by these keys, whatever its body."""
        data = body if isinstance(body, bytes) else body.SerializeToString(deterministic=True)
        return forge(type_, data, [SIGNERS[key] for key in keys], network_id=self.network_id)

    def log(self, name: str, made: Statement, members: Sequence[bytes] = ()) -> int:
        """The next entry."""
        index = len(self.entries)
        if made.public and not name.startswith(PASSED_OVER):
            self.states.append(self.state.after(made.raw, members=members, index=index))
        else:
            self.states.append(self.state.skipped(index + 1))
        return self._append(Logged(name=name, statement=made, members=tuple(members)))

    def _append(self, one: Logged) -> int:
        self.entries.append(one)
        self.tree.append(LogEntry(one.statement.public, one.statement.digest).leaf_hash)
        return len(self.entries) - 1

    def entry(self, name: str) -> tuple[int, Logged]:
        """An entry by its name."""
        index = [one.name for one in self.entries].index(name)
        return index, self.entries[index]

    # Notes.

    def log_signer(self, size: int) -> Cosigner:
        """The log's key for a tree size."""
        rotated = self.state.directory.version > 1 and size > self.state.directory.indices[1]
        return COSIGNERS["log-2" if rotated else "log-1"]

    def point(self, size: int | None = None) -> Checkpoint:
        """The tree at a size."""
        size = self.tree.size if size is None else size
        return Checkpoint(self.state.directory.origin, size, self.tree.root(size))

    def checkpoint(self, size: int | None = None) -> bytes:
        """Signed."""
        point = self.point(size)
        return sign_checkpoint(point, self.log_signer(point.size).keys[0])

    def anchor(
        self, size: int | None = None, *, time: int = NOW, witnesses: Mapping[str, int] | None = None
    ) -> bytes:
        """An anchor, by default with two of three witnesses at two times."""
        point = self.point(size)
        ed25519, ml_dsa_44 = self.log_signer(point.size).keys
        note = sign_anchor(point, time=time, ed25519=ed25519, ml_dsa_44=ml_dsa_44)
        for name, at in ({"be": NOW + 7, "es": NOW + 5} if witnesses is None else witnesses).items():
            keys = COSIGNERS[f"witness-{name}"].keys
            lines = cosign(note, name=f"witness-{name}", time=at, ed25519=keys[0], ml_dsa_44=keys[1])
            note = attach(note, lines)
        return note


def forge(type_: str, body: bytes, keys: Sequence[PrivateKey], *, network_id: bytes) -> Statement:
    """Signed whatever it says: no lint, so that a fault below the signatures can be reached."""
    blocks = []
    for key in keys:
        message = statement.signed_bytes(network_id, type_, key.public.id, body)
        blocks.append(statement.Block(key.public.id, *key.sign(message, context=type_.encode())))
    return Statement(type_, body, tuple(blocks))


def signers(*keys: str) -> list[bytes]:
    """Their ids."""
    return [SIGNERS[key].public.id for key in keys]


@dataclass(frozen=True, kw_only=True)
class Message1:
    """The message of the vectors, sealed, with its attachment's ciphertext."""

    sealed: Sealed
    attachment: bytes
    content: bytes
    rewrap: bytes = b""


def seal_message(world: World, *, keys: Sequence[str] = ("be-1",), urgent: bool = False) -> Message1:
    """From `be` to `es` and `pt`, with one attachment of two chunks."""
    sink = io.BytesIO()
    content = case.encode(ScenarioS1(canary="canary").request())
    given = iter((CONTENT_KEY, MESSAGE_REF))
    draft = seal_streams(
        sender=SENDER,
        recipients=RECIPIENTS,
        content=content,
        attachments=[
            Attachment(
                name="photograph.jpg", media_type="image/jpeg", source=io.BytesIO(ATTACHMENT), sink=sink
            )
        ],
        random=lambda _: next(given),
    )
    state = world.state
    first = {name: state.prekeys[name][0] for name in RECIPIENTS}
    sealed = seal(
        draft,
        to=[
            To(
                member=name,
                sequence=number,
                previous_id=seed("previous_id") if number > 1 else b"",
                prekey_id=first[name].id,
                prekey=first[name].public_key,
            )
            for number, name in enumerate(RECIPIENTS, 1)
        ],
        network_id=world.network_id,
        directory_version=1,
        directory_id=state.directory.id,
        keys=[SIGNERS[key] for key in keys],
        created_minutes=NOW_MINUTES,
        deadline_class=2,
        urgent=urgent,
    )
    return Message1(sealed=sealed, attachment=sink.getvalue(), content=content)
