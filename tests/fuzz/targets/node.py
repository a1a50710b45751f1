"""What a node takes from a relay, and an auditor from anybody: answers, batches, messages, evidence."""

import io
from dataclasses import replace
from functools import cache
from typing import Final

from google.protobuf.message import DecodeError

from mce_exchange import case, limits, statement
from mce_exchange.audit.build import Views
from mce_exchange.audit.records import read_records
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client import relay as answers
from mce_exchange.directory.authority import Verdict
from mce_exchange.errors import (
    DecryptionError,
    DirectoryError,
    ForkError,
    LogError,
    MalformedError,
    RefusedError,
)
from mce_exchange.hotline.follow import Batch, Follower, Given
from mce_exchange.hotline.receiving import Refusal, judge, open_arrived
from mce_exchange.log import merkle
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Opened
from mce_exchange.v1 import evidence_pb2
from mce_exchange.v1 import relay_pb2 as pb
from tests.federation import LOG, Federation
from tests.fuzz import mutate, world
from tests.fuzz.history import Log, note
from tests.fuzz.target import BYTES, MIB, SIGNED, Target, tagged, untagged

_MOST: Final = 6
# A disclosure whose chunks or secret are not those of the header does not open (SPEC 12.2).
_EVIDENCE: Final = (*SIGNED, LogError, DirectoryError, DecryptionError)


def _answers(data: bytes) -> None:
    """An answer to Submit or Publish; gRPC's own parser stands before ours."""
    try:
        response = pb.SubmitResponse.FromString(data)
    except DecodeError:
        raise MalformedError("not protobuf") from None
    for outcome in answers._outcomes(response.results, 1):
        if isinstance(outcome, RefusedError):
            assert outcome.reason
            assert outcome.remedy


def _batch(data: bytes) -> Batch:
    try:
        answer = pb.ReceiveResponse.FromString(data)
    except DecodeError:
        raise MalformedError("not protobuf") from None
    return Batch(
        first_index=answer.first_index,
        entries=answer.entries,
        statements=tuple(
            Given(
                index=one.index,
                statement=one.statement,
                members=tuple(one.members),
                wrap=one.wrap,
                payload=one.payload,
            )
            for one in answer.statements
        ),
        checkpoint=answer.checkpoint,
        consistency=tuple(answer.consistency),
    )


@cache
def _start() -> tuple[LogEntry, Federation]:
    network = world.network()
    return LogEntry(True, statement.decode(network.genesis.statement).digest), network


def _follower() -> Follower:
    entry, network = _start()
    genesis = replace(network.state, size=1, prekeys={})
    return Follower(genesis, entry, [], None)


def _follow(data: bytes) -> None:
    """What a relay sends, from the beginning of the log."""
    batch = _batch(data)
    follower = _follower()
    taken = follower.take(batch)
    follower.commit(taken)
    assert follower.tree.size == len(batch.entries) // limits.LOG_ENTRY


def _signed_follow(data: bytes) -> None:
    """What the relay sends, with digests and a checkpoint that fit: it may log whatever it likes."""
    batch = _batch(data)
    entries = bytearray(batch.entries)
    for one in batch.statements:
        at = one.index * limits.LOG_ENTRY
        if at + limits.LOG_ENTRY <= len(entries):
            entries[at + 2 : at + limits.LOG_ENTRY] = sha256(one.statement)
    leaves = [
        merkle.leaf_hash(bytes(entries[at : at + limits.LOG_ENTRY]))
        for at in range(0, len(entries), limits.LOG_ENTRY)
    ]
    origin = world.network().state.directory.origin
    signed = sign_checkpoint(Checkpoint(origin, len(leaves), merkle.root(leaves)), LOG[0])
    follower = _follower()
    taken = follower.take(replace(batch, entries=bytes(entries), checkpoint=signed, consistency=()))
    follower.commit(taken)
    assert follower.state.size == follower.tree.size


def _received(data: bytes) -> None:
    """A header, its wrap and its payload, as one answer of the relay's."""
    batch = _batch(data)
    if not batch.statements:
        raise MalformedError("no Statement")
    one = batch.statements[0]
    state = world.network().state
    arrived = judge(one.statement, state=state, index=state.size, me="pt")
    found = open_arrived(
        arrived, wrap=one.wrap, payload=one.payload, prekey=_held, check=case.check_bytes, rewrap=None
    )
    assert isinstance(found, Opened | Refusal)


def _held(prekey_id: bytes) -> KemKey | None:
    return world.person("pt").kem if prekey_id == world.prekey_id("pt") else None


def _records(data: bytes) -> None:
    assert b"".join(record.encode() for record in read_records(io.BytesIO(data))) == data


def _evidence(data: bytes) -> None:
    report = verify_evidence(io.BytesIO(data), network_id=world.network().network_id)
    assert report.lines()
    assert report.to_json()


def _signed_evidence(data: bytes) -> None:
    """What insiders signed in a log of the relay's: bodies, views of the log, secrets of a message."""
    log = Log()
    given, views, secrets = [], [], []
    for name, body in map(untagged, mutate.frames(data)[:_MOST]):
        if name in statement.BODIES and name != statement.DIRECTORY:
            given.append(log.append(world.sign(name, body).raw))
        elif name == "fork":
            views.append(_views(body))
        elif name == "secret":
            secrets.append(body)
    file = log.evidence([1, *given], views=views, secrets=secrets)
    report = verify_evidence(io.BytesIO(file), network_id=log.network_id)
    # Every Statement is told of, whether it counts or not, and none counts twice.
    assert len(report.facts) + len(report.messages) == 1 + len(given)
    counting = [fact.index for fact in report.facts if fact.verdict is not Verdict.INVALID]
    assert len({statement.decode(log.raw[index]).id(log.network_id) for index in counting}) == len(counting)
    assert len(report.forks) == len(views)
    assert report.lines()


def _views(body: bytes) -> Views:
    """Two texts that the log signs."""
    try:
        fork = evidence_pb2.EvidenceFork.FromString(body)
    except DecodeError:
        raise MalformedError("not protobuf") from None
    older, newer = note(fork.older), note(fork.newer)
    return Views(older=older, newer=newer, root=fork.root, proof=tuple(fork.proof))


@cache
def _answer_seeds() -> tuple[bytes, ...]:
    accepted = pb.SubmitResult()
    accepted.accepted.statement = b"statement"
    accepted.accepted.receipt.index = 3
    accepted.accepted.receipt.proof.append(b"p" * 32)
    refused = pb.SubmitResult(
        refusal=pb.Refusal(reason=pb.REFUSAL_REASON_QUOTA, message="3 messages", remedy="wait")
    )
    return tuple(
        pb.SubmitResponse(results=[one]).SerializeToString(deterministic=True) for one in (accepted, refused)
    )


@cache
def _batches() -> tuple[bytes, ...]:
    network = world.network()
    entries = b"".join(LogEntry(True, statement.decode(raw).digest).encode() for raw in network.raw)
    made = pb.ReceiveResponse(entries=entries, checkpoint=network.signed_checkpoint())
    for index, raw in enumerate(network.raw):
        made.statements.add(index=index, statement=raw, members=network.genesis.members if not index else ())
    return (made.SerializeToString(deterministic=True),)


@cache
def _messages() -> tuple[bytes, ...]:
    sealed = world.sealed()
    made = pb.ReceiveResponse()
    made.statements.add(statement=sealed.statement.raw, wrap=sealed.wraps[0], payload=sealed.payload)
    return (made.SerializeToString(deterministic=True),)


@cache
def _files() -> tuple[bytes, ...]:
    log = Log()
    log.append(world.statements()["header"])
    shown = log.evidence([1, 4], views=[_views(_fork())], secrets=[world.SECRET])
    return (Log().evidence([1]), shown)


def _fork() -> bytes:
    here = world.network().checkpoint
    there = replace(here, root=b"t" * 32)
    made = evidence_pb2.EvidenceFork(older=here.text.encode(), newer=there.text.encode())
    return made.SerializeToString(deterministic=True)


@cache
def _stories() -> tuple[bytes, ...]:
    def framed(*names: str) -> bytes:
        parts = {**world.bodies(), "fork": _fork(), "secret": world.SECRET}
        return mutate.frame([tagged(name, parts[name]) for name in names])

    return (
        framed("header", "delivered", "secret", "fork"),
        framed("header", "refused", "re-wrap"),
        framed("header", "void", "high-water", "overdue", "undeliverable", "erasure"),
        framed("revocation", "header", "prekey"),
        framed("suspension", "tls-keys", "clock", "contest", "board-recovery", "header"),
    )


TARGETS: Final = (
    Target(
        name="relay-answer",
        run=_answers,
        errors=(MalformedError, LogError),
        seeds=_answer_seeds,
        mutate=mutate.wire(_answer_seeds),
        share=12000,
    ),
    Target(
        name="batch",
        run=_follow,
        errors=(*SIGNED, LogError, ForkError),
        seeds=_batches,
        mutate=mutate.wire(_batches),
        share=400,
    ),
    Target(
        name="batch-by-relay",
        run=_signed_follow,
        errors=(*SIGNED, LogError, ForkError),
        seeds=_batches,
        mutate=mutate.wire(_batches),
        share=400,
    ),
    Target(
        name="message",
        run=_received,
        errors=SIGNED,
        seeds=_messages,
        mutate=mutate.wire(_messages),
        share=500,
    ),
    Target(
        name="evidence-records",
        run=_records,
        errors=BYTES,
        seeds=_files,
        mutate=mutate.records(_files),
        share=6000,
        longest=MIB,
    ),
    Target(
        name="evidence",
        run=_evidence,
        errors=_EVIDENCE,
        seeds=_files,
        mutate=mutate.records(_files),
        share=200,
        longest=MIB,
    ),
    Target(
        name="evidence-by-insiders",
        run=_signed_evidence,
        errors=_EVIDENCE,
        seeds=_stories,
        mutate=mutate.framed(_stories),
        share=250,
    ),
)
