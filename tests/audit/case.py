"""A message of `be` to `es` and `pt` with an attachment, and the evidence of what became of it."""

import io
from collections.abc import Iterable, Sequence

from mce_exchange.audit.build import Disclosure, Piece, Views, build
from mce_exchange.audit.report import Report
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.keys import PrivateKey
from mce_exchange.sealing import Attachment, Sealed, To, seal, seal_streams
from mce_exchange.sealing.streams import SEALED_CHUNK
from mce_exchange.v1 import statement_pb2
from tests.core.chronicle import Chronicle
from tests.federation import NOW_MINUTES, RELAY_KEY

PHOTO = bytes(range(256)) * 1200


class Case(Chronicle):
    """Logs a message; what its parties then say is for the test."""

    WITNESSED = False

    def __init__(self) -> None:
        super().__init__(witnesses=self.WITNESSED)
        self.photo = io.BytesIO()
        self.sealed, self.secrets = self.message(attachment=PHOTO)
        self.index = self.log(self.sealed.statement.raw)

    def message(
        self,
        *,
        attachment: bytes = b"",
        urgent: bool = False,
        keys: Sequence[PrivateKey] = (),
        sequence: int = 1,
    ) -> tuple[Sealed, tuple[bytes, ...]]:
        """Sealed, not logged; and the secrets of its streams."""
        added = [
            Attachment(
                name="photo.png",
                media_type="image/png",
                source=io.BytesIO(attachment),
                sink=self.photo,
            )
        ]
        draft = seal_streams(
            sender="be",
            recipients=["es", "pt"],
            content=b"synthetic case",
            attachments=added if attachment else [],
        )
        sealed = seal(
            draft,
            to=[self._to(member, sequence) for member in draft.recipients],
            network_id=self.network_id,
            directory_version=self.state.directory.version,
            directory_id=self.state.directory.id,
            keys=keys or [self.people["be"].key],
            created_minutes=NOW_MINUTES,
            urgent=urgent,
        )
        return sealed, draft.secrets

    def _to(self, member: str, sequence: int) -> To:
        prekey = self.state.prekey(member)
        assert prekey
        previous = b"p" * 32 if sequence > 1 else b""
        return To(
            member=member,
            sequence=sequence,
            previous_id=previous,
            prekey_id=prekey.id,
            prekey=prekey.public_key,
        )

    def deliver(self, member: str, *, place: int, by: PrivateKey | None = None, index: int = 0) -> int:
        """Log `delivered`."""
        key = by or self.people[member].key
        body = statement_pb2.Delivered(signers=[key.public.id], member=member)
        body.items.add(header_id=self.sealed.id, index=index or self.index, recipient_index=place)
        return self.log(self.sign("delivered", body.SerializeToString(), key).raw)

    def refuse(self, member: str, *, place: int, code: statement_pb2.RefusalCode.ValueType) -> int:
        """Log `refused`."""
        key = self.people[member].key
        body = statement_pb2.Refused(signers=[key.public.id], member=member)
        body.items.add(header_id=self.sealed.id, index=self.index, recipient_index=place, code=code)
        return self.log(self.sign("refused", body.SerializeToString(), key).raw)

    def relay_says(self, type_: str, body: statement_pb2.Overdue | statement_pb2.Undeliverable) -> int:
        """Log a Statement of the relay's."""
        body.signers.append(RELAY_KEY.public.id)
        return self.log(self.sign(type_, body.SerializeToString(), RELAY_KEY).raw)

    def smuggle(self, raw: bytes) -> int:
        """Log a public Statement, whatever it is worth."""
        index = self._append(raw)
        self.state = self.state.skipped(self.tree.size)
        return index

    def pieces(self, indices: Iterable[int] | None = None) -> list[Piece]:
        """Everything in the log, or some of it and the genesis."""
        chosen = range(len(self.raw)) if indices is None else sorted({0, *indices})
        return [Piece(i, self.raw[i], self.genesis.members if i == 0 else self.members(i)) for i in chosen]

    def members(self, index: int) -> tuple[bytes, ...]:
        """Records that travel beside a later Directory."""
        return self.records.get(index, ())

    def file(
        self,
        indices: Iterable[int] | None = None,
        *,
        forks: Iterable[Views] = (),
        disclosures: Iterable[Disclosure] = (),
    ) -> list[bytes]:
        """The evidence file, record by record."""
        return list(
            build(
                self.pieces(indices),
                network_id=self.network_id,
                tree=self.tree,
                anchor=self.anchor(),
                anchor_size=self.tree.size,
                forks=forks,
                disclosures=disclosures,
            )
        )

    def report(self, indices: Iterable[int] | None = None) -> Report:
        """What the file shows."""
        return verify_evidence(io.BytesIO(b"".join(self.file(indices))), network_id=self.network_id)

    def disclosure(self, stream: int) -> Disclosure:
        """Of one stream of the message."""
        data = self.sealed.payload if stream == 0 else self.photo.getvalue()
        chunks = [data[i : i + SEALED_CHUNK] for i in range(0, len(data), SEALED_CHUNK)]
        return Disclosure(header_id=self.sealed.id, stream=stream, secret=self.secrets[stream], chunks=chunks)


def says(report: Report, index: int) -> str:
    """What the report has to say of an entry."""
    return next(f"{fact.verdict}: {fact.says}" for fact in report.facts if fact.index == index)
