"""Writing an evidence file from a log that one has followed (SPEC section 12)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mce_exchange.audit.records import FORMAT, Record
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import UsageError
from mce_exchange.log.merkle import Tree
from mce_exchange.statement import DIRECTORY, decode
from mce_exchange.v1 import evidence_pb2


@dataclass(frozen=True, slots=True)
class Piece:
    """A Statement at its log index, a Directory with its member records."""

    index: int
    statement: bytes
    members: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Two notes of the log's key, and the root and proof by which the newer contradicts the older."""

    older: bytes
    newer: bytes
    root: bytes = b""
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One stream to be opened for whoever reads the file: its `s_i` (32 bytes), its sealed chunks."""

    header_id: bytes
    stream: int
    secret: bytes
    chunks: Iterable[bytes]


def build(
    pieces: Iterable[Piece],
    *,
    network_id: bytes,
    tree: Tree,
    anchor: bytes,
    anchor_size: int,
    forks: Iterable[Views] = (),
    disclosures: Iterable[Disclosure] = (),
    written: int = 0,
) -> Iterator[bytes]:
    """The file, record by record; `UsageError` for a piece that the anchor does not cover.

    The pieces come in log order. `written`: so many records stand there already, and these pieces follow.
    """
    count = written or 2
    if not written:
        yield _record("begin", evidence_pb2.EvidenceBegin(format=FORMAT, network_id=network_id))
        yield _record("anchor", evidence_pb2.EvidenceAnchor(note=anchor))
    for piece in pieces:
        if piece.index >= anchor_size:
            raise UsageError(
                f"entry {piece.index} is not under an anchor yet ({anchor_size} entries)",
                remedy="wait for the next anchor while the node runs, then export again",
            )
        proof = tree.inclusion_proof(piece.index, anchor_size)
        count += 1
        if decode(piece.statement).type == DIRECTORY:
            yield _record("directory", _directory(piece, proof))
        else:
            yield _record(
                "statement",
                evidence_pb2.EvidenceStatement(statement=piece.statement, index=piece.index, proof=proof),
            )
    for views in forks:
        count += 1
        yield _record(
            "fork",
            evidence_pb2.EvidenceFork(
                older=views.older, newer=views.newer, root=views.root, proof=views.proof
            ),
        )
    for one in disclosures:
        secret = evidence_pb2.EvidenceDisclosure(
            header_id=one.header_id, stream=one.stream, secret=one.secret
        )
        yield _record("disclosure", secret)
        count += 1
        for chunk in one.chunks:
            count += 1
            yield Record("chunk", chunk).encode()
    yield _record("end", evidence_pb2.EvidenceEnd(records=count + 1))


def _directory(piece: Piece, proof: Sequence[bytes]) -> evidence_pb2.EvidenceDirectory:
    made = evidence_pb2.EvidenceDirectory(index=piece.index, proof=proof)
    made.bundle.ParseFromString(Bundle(piece.statement, piece.members).encode())
    return made


def _record(
    kind: str,
    message: evidence_pb2.EvidenceBegin
    | evidence_pb2.EvidenceAnchor
    | evidence_pb2.EvidenceDirectory
    | evidence_pb2.EvidenceStatement
    | evidence_pb2.EvidenceFork
    | evidence_pb2.EvidenceDisclosure
    | evidence_pb2.EvidenceEnd,
) -> bytes:
    return Record(kind, message.SerializeToString(deterministic=True)).encode()
