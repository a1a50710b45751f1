"""A synthetic federation for tests: keys from small seeds, a genesis, prekeys. No real organisation."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mce_exchange import statement
from mce_exchange.directory import compose, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Life, Living, Member, Relay, Role, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.keys import PrivateKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import sign_anchor
from mce_exchange.log.checkpoint import Checkpoint, LogKey, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2

NOW_MINUTES = 29_000_000
ROOTS = [PrivateKey.from_seed(bytes([200 + i]) * 64) for i in range(3)]
LOG = (Ed25519Key.from_seed(b"L" * 32), MlDsa44Key.from_seed(b"L" * 32))
LOG_KEY = LogKey(LOG[0].public, LOG[1].public)
RELAY_KEY = PrivateKey.from_seed(b"R" * 64)


@dataclass
class Person:
    """A member with its private keys: signing, X-Wing prekey of epoch 1, and door."""

    id: str
    country: str
    role: Role = Role.HOTLINE
    key: PrivateKey = field(init=False)
    second: PrivateKey = field(init=False)
    kem: KemKey = field(init=False)

    def __post_init__(self) -> None:
        seed = (self.id.encode() * 32)[:32]
        self.key = PrivateKey.from_seed(seed * 2)
        self.second = PrivateKey.from_seed(seed[::-1] * 2)
        self.kem = KemKey(seed)
        self.door_key, self.door = make_certificate()

    @property
    def record(self) -> Member:
        """Its entry in the Directory."""
        return Member(
            id=self.id,
            name=f"Synthetic hotline {self.id}",
            country=self.country,
            role=self.role,
            status=Status.ACTIVE,
            keys=(new_key(self.key.public), new_key(self.second.public, label="second")),
            certificates=(self.door,),
            phone="+000000000",
        )


class Federation:
    """Members, genesis, and a log in memory that takes any Statement."""

    def __init__(self, members: Sequence[str] = ("be", "es", "pt"), *, auditor: bool = False) -> None:
        self.people = {name: Person(name, name.upper()) for name in members}
        if auditor:
            self.people["audit"] = Person("audit", "", Role.AUDITOR)
        self.relay_door_key, self.relay_door = make_certificate()
        self.genesis = signed(
            compose.genesis(self.draft(), random=b"g" * 32, now_minutes=NOW_MINUTES), ROOTS[:2]
        )
        self.network_id = trust.network_id_of(compose.body_of(self.genesis.statement)[0])
        self.state = PublicState.genesis(self.genesis, network_id=self.network_id)
        self.raw: list[bytes] = []
        self.tree = merkle.Tree()
        self._append(self.genesis.statement)
        for person in self.people.values():
            if person.role is Role.HOTLINE:
                self.publish(self.prekey(person))

    def draft(self) -> Draft:
        """The first version."""
        relay = Relay(
            id="relay",
            address="localhost:1",
            keys=(new_key(RELAY_KEY.public),),
            certificates=(self.relay_door,),
            life=Life(added=0),
        )
        return Draft(
            name="Synthetic exercise",
            exercise=True,
            root_keys=tuple(new_key(root.public) for root in ROOTS),
            root_threshold=2,
            members=tuple(person.record for person in self.people.values()),
            relays=(relay,),
            log_keys=(Living(value=LOG_KEY, life=Life(added=0)),),
        )

    def sign(self, type_: str, body: bytes, *keys: PrivateKey) -> Statement:
        """A Statement of this network."""
        return statement.sign(type_, body, network_id=self.network_id, keys=keys)

    def prekey(
        self, person: Person, *, epoch: int = 1, previous: bytes = b"", kem: KemKey | None = None
    ) -> bytes:
        """A prekey Statement."""
        body = statement_pb2.Prekey(
            signers=[person.key.public.id],
            member=person.id,
            epoch=epoch,
            previous=previous,
            public_key=(kem or person.kem).public,
            not_before_minutes=NOW_MINUTES,
            nominal_end_minutes=NOW_MINUTES + 7 * 24 * 60,
        )
        return self.sign("prekey", body.SerializeToString(deterministic=True), person.key).raw

    def publish(self, raw: bytes, members: Sequence[bytes] = ()) -> int:
        """Log a public Statement and take it into the state."""
        index = self.tree.size
        self.state = self.state.after(raw, members=members, index=index)
        return self._append(raw)

    def log(self, raw: bytes) -> int:
        """Log a private Statement."""
        index = self._append(raw)
        self.state = self.state.skipped(self.tree.size)
        return index

    def _append(self, raw: bytes) -> int:
        index = self.tree.size
        decoded = statement.decode(raw)
        self.raw.append(raw)
        self.tree.append(LogEntry(decoded.public, decoded.digest).leaf_hash)
        return index

    @property
    def checkpoint(self) -> Checkpoint:
        """Of the log as it is."""
        return Checkpoint(self.state.directory.origin, self.tree.size, self.tree.root())

    def signed_checkpoint(self) -> bytes:
        """As a note."""
        return sign_checkpoint(self.checkpoint, LOG[0])

    def anchor(self, time: int = NOW_MINUTES * 60) -> bytes:
        """As an anchor."""
        return sign_anchor(self.checkpoint, time=time, ed25519=LOG[0], ml_dsa_44=LOG[1])


def signed(bundle: Bundle, roots: Sequence[PrivateKey], *, network_id: bytes | None = None) -> Bundle:
    """A Directory with these roots' blocks."""
    for root in roots:
        bundle = compose.sign_directory(bundle, root, network_id=network_id)
    return bundle
