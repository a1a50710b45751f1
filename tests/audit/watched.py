"""A case under a monitor: what is logged is fed to it, anchor by anchor."""

from collections.abc import Iterable
from pathlib import Path

from mce_exchange import statement as statements
from mce_exchange.audit.alarms import Alarm, Kind
from mce_exchange.audit.terms import Rules
from mce_exchange.audit.watch import Entry, Watch
from mce_exchange.keys import PrivateKey
from mce_exchange.log.entry import LogEntry
from mce_exchange.sealing import seal, seal_streams
from mce_exchange.v1 import statement_pb2 as pb
from tests.audit.case import Case
from tests.core.chronicle import DAY, NOW
from tests.federation import NOW_MINUTES, RELAY_KEY

HOUR = 3600


class Watched(Case):
    """`at` is the time of the anchors, in seconds after the beginning; `dated` makes one and shows it."""

    me = "be"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "watch.db"
        self.watch = self.open()
        self.hidden: set[int] = set()
        self.exchanged: dict[int, bytes] = {}

    def open(self, rules: Rules | None = None) -> Watch:
        """A monitor on this state."""
        return Watch(
            self.path,
            genesis=self.genesis,
            network_id=self.network_id,
            me=self.me,
            rules=rules or Rules(),
        )

    def rows(self) -> Iterable[Entry]:
        """From where the monitor is."""
        for index in range(self.watch.size, self.tree.size):
            raw = self.raw[index]
            decoded = statements.decode(raw)
            members = self.genesis.members if index == 0 else self.members(index)
            entry = LogEntry(decoded.public, decoded.digest).encode()
            shown = None if index in self.hidden else self.exchanged.get(index, raw)
            yield Entry(index, entry, shown, members)

    def dated(self, seconds: float, *, note: bytes | None = None) -> None:
        """All entries, and the anchor over them."""
        self.watch.entries(self.rows(), self.tree.root)
        self.watch.anchor(note or self.anchor(int(NOW + seconds)), self.tree.root)

    def found(self, *, news: bool = False) -> list[Alarm]:
        return [one for one in self.watch.alarms.all() if news or not one.news]

    def kinds(self) -> list[Kind]:
        return [one.kind for one in self.found()]

    def send(
        self,
        sequence: int,
        *,
        previous: bytes = b"p" * 32,
        deadline: int = 0,
        lifetime: int = 90 * DAY,
        key: PrivateKey | None = None,
    ) -> bytes:
        """Log a message of be to pt alone: its id."""
        draft = seal_streams(sender="be", recipients=["pt"], content=b"synthetic")
        to = [
            type(one)(
                member=one.member,
                sequence=sequence,
                previous_id=previous if sequence > 1 else b"",
                prekey_id=one.prekey_id,
                prekey=one.prekey,
            )
            for one in [self._to("pt", 1)]
        ]
        sealed = seal(
            draft,
            to=to,
            network_id=self.network_id,
            directory_version=self.state.directory.version,
            directory_id=self.state.directory.id,
            keys=[key or self.people["be"].key],
            created_minutes=NOW_MINUTES,
            deadline_class=deadline,
            lifetime_seconds=lifetime,
        )
        self.log(sealed.statement.raw)
        return sealed.id

    def answer(self, header_id: bytes, index: int, *, refused: int = 0) -> int:
        """pt's answer to a message of which it is the only recipient."""
        key = self.people["pt"].key
        if refused:
            said = pb.Refused(signers=[key.public.id], member="pt")
            said.items.add(header_id=header_id, index=index, code=pb.RefusalCode.ValueType(refused))
            return self.log(self.sign("refused", said.SerializeToString(), key).raw)
        body = pb.Delivered(signers=[key.public.id], member="pt")
        body.items.add(header_id=header_id, index=index)
        return self.log(self.sign("delivered", body.SerializeToString(), key).raw)

    def mark(
        self, sequence: int, header_id: bytes, *, size: int = 1, root: bytes | None = None, to: str = "pt"
    ) -> int:
        """be's daily mark."""
        key = self.people["be"].key
        body = pb.HighWater(
            signers=[key.public.id],
            sender="be",
            recipient=to,
            sequence=sequence,
            header_id=header_id,
            log_size=size,
            log_root=root or self.tree.root(size),
        )
        return self.log(self.sign("high-water", body.SerializeToString(), key).raw)

    def void(self, sequence: int, annulled: bytes = b"") -> int:
        key = self.people["be"].key
        body = pb.Void(
            signers=[key.public.id], sender="be", recipient="pt", sequence=sequence, annulled_id=annulled
        )
        return self.log(self.sign("void", body.SerializeToString(), key).raw)

    def overdue(self, header_id: bytes, seconds: float, *, recipient: str = "pt") -> int:
        """The relay's, with an anchor of that time."""
        body = pb.Overdue(header_id=header_id, recipient=recipient, anchor=self.anchor(int(NOW + seconds)))
        return self.relay_says("overdue", body)

    def erased(self, header_id: bytes, author: str = "relay") -> int:
        key = RELAY_KEY if author == "relay" else self.people[author].key
        what = pb.ERASED_PART_CIPHERTEXT if author == "relay" else pb.ERASED_PART_CONTENT_KEY
        body = pb.Erasure(
            signers=[key.public.id],
            author=author,
            what=what,
            header_ids=[header_id],
            anchor=self.anchor(),
        )
        return self.log(self.sign("erasure", body.SerializeToString(), key).raw)

    def reopened(self) -> None:
        """The monitor's process ends, and another begins."""
        self.watch.ledger.close()
        self.watch = self.open()
