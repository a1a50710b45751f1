"""The relay: what it does with bytes that come through its doors, over a real store, always undone.

Every input is judged by the same log: genesis, three prekeys, a message from be to es and pt, and es
saying that it does not hold the prekey.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import DecodeError, Message
from mce_relay import boot, engine, engine_publish, requests
from mce_relay.core import Core
from mce_relay.engine import Placed, Rules
from mce_relay.sequencer import Group, Head
from mce_relay.service import Service
from mce_relay.store.sqlite import SqliteStore
from mce_relay.values import EnvelopeIn, NoMetrics, PublishIn, RelayKeys, Settings

from mce_exchange import statement
from mce_exchange.directory import compose
from mce_exchange.errors import MalformedError, RefusedError
from mce_exchange.v1 import relay_pb2 as pb
from tests.federation import LOG, NOW_MINUTES, RELAY_KEY
from tests.fuzz import mutate, world
from tests.fuzz.target import MIB, Target, tagged, untagged

NOW: Final = NOW_MINUTES * 60
KEYS: Final = RelayKeys(signing=RELAY_KEY, log_ed25519=LOG[0], log_ml_dsa_44=LOG[1])
REFUSED: Final = (MalformedError, RefusedError)


class _UndoneError(Exception):
    """Takes back what an input did."""


class _Relay:
    """The rules over a store of its own."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteStore(Path(self.folder.name))
        self.store.open()
        self.rules = Rules(relay="relay", keys=KEYS, settings=Settings(), metrics=NoMetrics())
        self.head = self._boot()
        with self.store.write() as tx:
            group = Group(tx, self.head, NOW)
            for item in published():
                engine_publish.publish(self.rules, group, "be", item)
            engine.submit(self.rules, group, "be", sent())
            es = PublishIn(world.sign("refused", world.bodies()["refused"]).raw)
            engine_publish.publish(self.rules, group, "es", es)
        self.head = self._boot()

    def _boot(self) -> Head:
        return boot.start(self.store, world.network().genesis, KEYS, NoMetrics())[0]

    def attempt(self, work: Callable[[Group], Placed | RefusedError]) -> None:
        """Do it and take it back."""
        try:
            with self.store.write() as tx:
                group = Group(tx, self.head, NOW)
                placed = work(group)
                if isinstance(placed, RefusedError):
                    raise placed
                assert statement.decode(placed.statement).raw == placed.statement
                assert group.size - self.head.size == len(group.entries)
                raise _UndoneError
        except _UndoneError:
            pass


@cache
def _relay() -> _Relay:
    return _Relay()


@cache
def published() -> tuple[PublishIn, ...]:
    """The prekeys."""
    return tuple(map(PublishIn, world.network().raw[1:]))


def sent(sequence: int = 1) -> EnvelopeIn:
    """The message."""
    raw = world.sign("header", world.header_body(sequence)).raw
    return EnvelopeIn(raw, world.SENT_WRAPS, world.sent_payload())


def _submit(data: bytes) -> None:
    try:
        one = pb.Envelope.FromString(data)
    except DecodeError:
        raise MalformedError("not protobuf") from None
    envelope = EnvelopeIn(one.statement, tuple(one.wraps), one.payload)
    _relay().attempt(lambda group: engine.submit(_relay().rules, group, "be", envelope))


def _submit_insider(data: bytes) -> None:
    raw = world.sign("header", data).raw
    envelope = EnvelopeIn(raw, world.SENT_WRAPS, world.sent_payload())
    _relay().attempt(lambda group: engine.submit(_relay().rules, group, "be", envelope))


def _publish(data: bytes) -> None:
    try:
        one = pb.PublishedStatement.FromString(data)
    except DecodeError:
        raise MalformedError("not protobuf") from None
    item = PublishIn(one.statement, tuple(one.members), one.wrap)
    _relay().attempt(lambda group: engine_publish.publish(_relay().rules, group, "be", item))


def _publish_insider(data: bytes) -> None:
    type_, body = untagged(data)
    if type_ not in statement.BODIES:
        raise MalformedError("no type")
    signed = world.sign(type_, body)
    holders = world.network().state.directory.holders
    author = holders[signed.signers[0]].id
    item = PublishIn(signed.raw, world.successor().members, world.SENT_WRAPS[0])
    _relay().attempt(lambda group: engine_publish.publish(_relay().rules, group, author, item))


def _request(data: bytes) -> None:
    """What the gate counts before it parses, and then parses."""
    name, body = untagged(data)
    kind = _LARGE.get(name)
    if kind is None:
        raise MalformedError("no such call")
    assert 0 <= requests.elements(kind.DESCRIPTOR, body) <= requests.MOST
    try:
        kind.FromString(body)
    except DecodeError:
        raise MalformedError("not protobuf") from None


# Calls that only ask.


class _AbortedError(Exception):
    """A call that ended with a status."""


class _Context:
    """gRPC's side of a call."""

    async def abort_with_status(self, status: Any) -> NoReturn:
        """A typed refusal."""
        raise _AbortedError(status.details)

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """INTERNAL: the relay met a defect of its own."""
        raise AssertionError(f"{code.name}: {details}")


_LARGE: Final[dict[str, type[Message]]] = {
    "Submit": pb.SubmitRequest,
    "Publish": pb.PublishRequest,
    "PutAttachment": pb.PutAttachmentRequest,
}
ASKS: Final[dict[str, type[Message]]] = {
    "AttachmentStatus": pb.AttachmentStatusRequest,
    "GetAttachment": pb.GetAttachmentRequest,
    "GetDirectories": pb.GetDirectoriesRequest,
    "GetPrekeys": pb.GetPrekeysRequest,
    "GetEntries": pb.GetEntriesRequest,
    "GetStatements": pb.GetStatementsRequest,
    "GetCheckpoint": pb.GetCheckpointRequest,
    "GetAnchor": pb.GetAnchorRequest,
    "GetInclusionProof": pb.GetInclusionProofRequest,
    "GetConsistencyProof": pb.GetConsistencyProofRequest,
    "Receive": pb.ReceiveRequest,
}


class _Serving:
    """A whole relay on a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.core = Core(
            data=Path(self.folder.name),
            genesis=world.network().genesis,
            keys=KEYS,
            settings=Settings(sweep_interval=1e6),
            clock=lambda: NOW,
        )
        self.loop.run_until_complete(self.core.start())
        self.loop.run_until_complete(self.core.publish("be", published()))
        self.loop.run_until_complete(self.core.submit("be", [sent()]))
        self.service = Service(self.core, lambda context: "be")

    def ask(self, method: str, request: Message) -> None:
        """One call; at most a few answers of a stream."""
        self.loop.run_until_complete(self._ask(method, request))

    async def _ask(self, method: str, request: Message) -> None:
        call = getattr(self.service, method)
        if isinstance(request, pb.ReceiveRequest):
            # Beyond the end of the log a reader with credit waits for it to grow: here it hangs up.
            request = _reader(request, self.core.state.size)  # type: ignore[assignment]
        answers = call(request, _Context())
        if not hasattr(answers, "__aiter__"):
            assert isinstance(await answers, Message)
            return
        async for answer in answers:
            assert isinstance(answer, Message)


async def _reader(first: pb.ReceiveRequest, size: int) -> AsyncIterator[pb.ReceiveRequest]:
    """Asks for an index, grants one answer where there is one, and hangs up."""
    yield first
    if first.from_index < size:
        yield pb.ReceiveRequest(credit=1)


@cache
def _serving() -> _Serving:
    return _Serving()


def _call(data: bytes) -> None:
    method, body = untagged(data)
    try:
        request = ASKS[method].FromString(body)
    except (KeyError, DecodeError):
        raise MalformedError("no such call") from None
    try:
        _serving().ask(method, request)
    except _AbortedError:
        raise MalformedError("refused") from None


@cache
def _envelopes() -> tuple[bytes, ...]:
    one = sent(2)
    made = pb.Envelope(statement=one.statement, wraps=one.wraps, payload=one.payload)
    return (made.SerializeToString(deterministic=True),)


@cache
def _headers() -> tuple[bytes, ...]:
    return (world.header_body(2),)


def _sign(type_: str) -> bytes:
    return world.sign(type_, world.bodies()[type_]).raw


@cache
def _request_seeds() -> tuple[bytes, ...]:
    one = sent(2)
    submit = pb.SubmitRequest(
        envelopes=[pb.Envelope(statement=one.statement, wraps=one.wraps, payload=b"payload")] * 3
    )
    publish = pb.PublishRequest(statements=[pb.PublishedStatement(statement=_sign("void"), wrap=b"w")])
    made = {"Submit": submit, "Publish": publish}
    return tuple(tagged(name, one.SerializeToString(deterministic=True)) for name, one in made.items())


_TYPES: Final = sorted(set(statement.BODIES) - {"header", "directory", "undeliverable", "overdue"})


@cache
def _published() -> tuple[bytes, ...]:
    be = ("void", "high-water", "erasure", "prekey", "tls-keys", "revocation", "contest")
    made = [pb.PublishedStatement(statement=_sign(type_)) for type_ in be]
    return tuple(one.SerializeToString(deterministic=True) for one in made)


@cache
def _bodies() -> tuple[bytes, ...]:
    version2 = tagged(statement.DIRECTORY, compose.body_of(world.successor().statement)[0])
    return (*(tagged(type_, world.bodies()[type_]) for type_ in _TYPES), version2)


@cache
def _calls() -> tuple[bytes, ...]:
    requests: dict[str, Message] = {
        "AttachmentStatus": pb.AttachmentStatusRequest(root=b"r" * 32),
        "GetDirectories": pb.GetDirectoriesRequest(from_version=1),
        "GetPrekeys": pb.GetPrekeysRequest(members=["be", "es"]),
        "GetEntries": pb.GetEntriesRequest(from_index=1, count=2),
        "GetStatements": pb.GetStatementsRequest(indices=[0, 4]),
        "GetCheckpoint": pb.GetCheckpointRequest(),
        "GetAnchor": pb.GetAnchorRequest(),
        "GetInclusionProof": pb.GetInclusionProofRequest(index=1, size=4),
        "GetConsistencyProof": pb.GetConsistencyProofRequest(old_size=1, new_size=4),
        "Receive": pb.ReceiveRequest(from_index=2),
    }
    return tuple(tagged(name, one.SerializeToString(deterministic=True)) for name, one in requests.items())


TARGETS: Final = (
    Target(
        name="relay-submit",
        run=_submit,
        errors=REFUSED,
        seeds=_envelopes,
        mutate=mutate.wire(_envelopes),
        share=300,
        longest=2 * MIB,
    ),
    Target(
        name="relay-submit-by-insider",
        run=_submit_insider,
        errors=REFUSED,
        seeds=_headers,
        mutate=mutate.wire(_headers),
        share=200,
    ),
    Target(
        name="relay-publish",
        run=_publish,
        errors=REFUSED,
        seeds=_published,
        mutate=mutate.wire(_published),
        share=400,
        longest=MIB,
    ),
    Target(
        name="relay-publish-by-insider",
        run=_publish_insider,
        errors=REFUSED,
        seeds=_bodies,
        mutate=mutate.tagged_wire(_bodies),
        share=200,
    ),
    Target(
        name="relay-request",
        run=_request,
        errors=REFUSED,
        seeds=_request_seeds,
        mutate=mutate.tagged_wire(_request_seeds),
        share=800,
    ),
    Target(
        name="relay-call",
        run=_call,
        errors=REFUSED,
        seeds=_calls,
        mutate=mutate.tagged_wire(_calls),
        share=400,
    ),
)
