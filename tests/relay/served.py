"""A relay's core behind its real doors: gRPC with mutual TLS on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
from grpc_status import rpc_status
from mce_relay.core import Core
from mce_relay.server import opened
from mce_relay.values import EnvelopeIn, PublishIn

from mce_exchange.client.channel import open_channel
from mce_exchange.primitives import tls
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc
from tests.relay.federation import Clock, Federation, running

SECONDS = 30.0


@dataclass
class Served:
    """A relay and the ways in."""

    federation: Federation
    core: Core
    address: str

    def channel(self, key: bytes, certificate: bytes) -> grpc.aio.Channel:
        """Through the door of any certificate."""
        return open_channel(
            self.address,
            relay_certificate=self.federation.relay_certificate,
            door_key=key,
            door=certificate,
        )

    def narrow(self, member: str) -> grpc.aio.Channel:
        """Through a member's door, with a client that lets 64 KiB come before it reads."""
        party = self.federation[member]
        credentials = grpc.ssl_channel_credentials(
            tls.to_pem(self.federation.relay_certificate), party.tls_key, tls.to_pem(party.certificate)
        )
        options = [
            ("grpc.ssl_target_name_override", tls.SERVER_NAME),
            ("grpc.http2.bdp_probe", 0),
            ("grpc.max_send_message_length", -1),
        ]
        return grpc.aio.secure_channel(self.address, credentials, options)

    @asynccontextmanager
    async def door(self, member: str) -> AsyncIterator["Door"]:
        """Through a member's door."""
        party = self.federation[member]
        async with self.channel(party.tls_key, party.certificate) as channel:
            yield Door(channel)


class Door:
    """One connection, with calls that wait for it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.stub = relay_pb2_grpc.RelayServiceStub(channel)

    async def ask(self, method: str, request: Any) -> Any:
        """A unary call."""
        return await getattr(self.stub, method)(request, timeout=SECONDS, wait_for_ready=True)

    async def submit(self, *envelopes: EnvelopeIn) -> list[pb.SubmitResult]:
        """Envelopes in one call."""
        request = pb.SubmitRequest()
        for one in envelopes:
            request.envelopes.add(statement=one.statement, wraps=one.wraps, payload=one.payload)
        return list((await self.ask("Submit", request)).results)

    async def publish(self, *statements: PublishIn) -> list[pb.SubmitResult]:
        """Other Statements in one call."""
        request = pb.PublishRequest()
        for one in statements:
            request.statements.add(statement=one.statement, members=one.members, wrap=one.wrap)
        return list((await self.ask("Publish", request)).results)

    async def put(self, root: bytes, data: bytes, offset: int, length: int) -> pb.PutAttachmentResponse:
        """One part of an attachment."""
        part = data[offset : offset + length]
        request = pb.PutAttachmentRequest(root=root, size=len(data), offset=offset, data=part)
        return cast(pb.PutAttachmentResponse, await self.ask("PutAttachment", request))

    def receive(self) -> Any:
        """The stream, to be written and read."""
        return self.stub.Receive(wait_for_ready=True)


@asynccontextmanager
async def served(
    federation: Federation, folder: Path, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Served]:
    """A relay over a folder, open at a free port."""
    async with (
        running(federation, folder, clock=clock, **settings) as core,
        opened(
            core,
            listen="127.0.0.1:0",
            door_key=federation.relay_tls_key,
            door=federation.relay_certificate,
            drain_seconds=1.0,
        ) as address,
    ):
        yield Served(federation, core, address)


def reason(error: grpc.aio.AioRpcError) -> str:
    """The reason of the typed refusal that a call ended with."""
    status = rpc_status.from_call(cast(grpc.Call, error))
    assert status is not None, f"no details: {error.code()} {error.details()}"
    refusal = pb.Refusal()
    assert status.details[0].Unpack(refusal)
    assert refusal.message
    assert refusal.remedy
    return pb.RefusalReason.Name(refusal.reason).removeprefix("REFUSAL_REASON_").lower()


def accepted(results: Sequence[pb.SubmitResult]) -> list[pb.Accepted]:
    """Results that must all be acceptances."""
    assert [one.WhichOneof("result") for one in results] == ["accepted"] * len(results), results
    return [one.accepted for one in results]


def credit(count: int) -> pb.ReceiveRequest:
    """A grant of answers."""
    return pb.ReceiveRequest(credit=count)


async def rest(call: Any) -> list[Any]:
    """All that a call still answers."""
    found = []
    while answer := await asyncio.wait_for(call.read(), SECONDS):
        found.append(answer)
    return found
