"""Every call of relay.proto over real gRPC with mutual TLS, and what its refusals say."""

import asyncio
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from mce_exchange import limits, statement
from mce_exchange.directory.model import Directory
from mce_exchange.errors import StoreError
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Frontier
from mce_exchange.log.proof import verify_consistency, verify_inclusion
from mce_exchange.primitives import tls
from mce_exchange.v1 import relay_pb2 as pb
from tests.relay.federation import CHUNK, Federation, ciphertext, send, stream
from tests.relay.served import SECONDS, Door, accepted, credit, reason, served


async def refused(door: Door, method: str, request: object) -> str:
    """The reason with which a unary call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await door.ask(method, request)
    return reason(caught.value)


async def test_submit_one_and_many_each_with_an_answer_of_its_own(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        first = f.envelope("be", "pt")
        [one] = accepted(await be.submit(first))
        broken = f.envelope("be", "es")
        broken_bytes = type(broken)(broken.statement, broken.wraps, broken.payload[:-1])
        results = await be.submit(f.envelope("be", "pt"), broken_bytes, f.envelope("be", "nl", "es"))
        assert [result.WhichOneof("result") for result in results] == ["accepted", "refusal", "accepted"]
        refusal = results[1].refusal
        assert refusal.reason == pb.REFUSAL_REASON_WRONG_CONTEXT
        assert refusal.remedy
        # Both of this call stand under one checkpoint, and their receipts hold.
        directory, size = relay.core.state.directory, relay.core.state.size
        for result in (results[0].accepted, results[2].accepted):
            checkpoint = open_checkpoint(
                result.receipt.checkpoint, origin=directory.origin, key=directory.log_key(size)
            )
            entry = LogEntry(public=False, digest=statement.decode(result.statement).digest)
            proof = list(result.receipt.proof)
            verify_inclusion(entry.leaf_hash, result.receipt.index, size, checkpoint.root, proof)
        # The same bytes again, and another valid signature over the same body, give the original.
        again = statement.sign(
            "header", statement.decode(first.statement).body, network_id=f.network_id, keys=[f["be"].key]
        ).raw
        retries = accepted(await be.submit(first, type(first)(again, first.wraps, first.payload)))
        assert again != first.statement
        for retry in retries:
            assert (retry.statement, retry.receipt.index) == (one.statement, one.receipt.index)
        assert relay.core.state.size == size


async def test_acknowledge_many_at_once(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("pt") as pt:
        sent = accepted(await be.submit(*(f.envelope("be", "pt") for _ in range(20))))
        about = [(f.id(one.statement), one.receipt.index, 0) for one in sent]
        accepted(await pt.publish(f.delivered("pt", *about[:10]), f.delivered("pt", *about[10:])))
        [refusal] = await pt.publish(f.delivered("pt", about[3]))
        assert refusal.refusal.reason == pb.REFUSAL_REASON_ALREADY_FINAL


async def test_attachments_by_parts_resumed_both_ways_after_a_cut(tmp_path: Path) -> None:
    f, data = Federation(), ciphertext(3_000_000)
    root = stream(data).root
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        assert (await be.ask("AttachmentStatus", pb.AttachmentStatusRequest(root=root))).held == 0
        assert (await be.put(root, data, 0, limits.PART)).held == limits.PART
        # Cut: the connection goes, the part on its way with it.
    async with served(f, tmp_path) as relay:
        async with relay.door("be") as be:
            held = (await be.ask("AttachmentStatus", pb.AttachmentStatusRequest(root=root))).held
            assert held == limits.PART
            wrong = pb.PutAttachmentRequest(root=root, size=len(data), offset=0, data=data[:CHUNK])
            assert await refused(be, "PutAttachment", wrong) == "wrong_offset"
            empty = pb.PutAttachmentRequest(root=root, size=len(data), offset=held)
            assert await refused(be, "PutAttachment", empty) == "wrong_offset"
            early = f.envelope("be", "pt", attachments=[data])
            [result] = await be.submit(early)
            assert result.refusal.reason == pb.REFUSAL_REASON_ATTACHMENT_MISSING
            while held < len(data):
                held = (await be.put(root, data, held, limits.PART)).held
            accepted(await be.submit(early))
        async with relay.door("pt") as pt:
            pieces = []
            async for piece in pt.stub.GetAttachment(pb.GetAttachmentRequest(root=root), timeout=SECONDS):
                pieces.append(piece)
                if len(pieces) == 2:
                    break
            assert pieces[0].size == len(data)
            got = pieces[1].data
            request = pb.GetAttachmentRequest(root=root, offset=len(got))
            async for piece in pt.stub.GetAttachment(request, timeout=SECONDS):
                got += piece.data
            assert got == data
            for offset in (len(data) + 1, 2**64 - 1):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    async for _ in pt.stub.GetAttachment(pb.GetAttachmentRequest(root=root, offset=offset)):
                        pass
                assert reason(caught.value) == "wrong_offset"
        async with relay.door("es") as es:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in es.stub.GetAttachment(pb.GetAttachmentRequest(root=root), wait_for_ready=True):
                    pass
            assert reason(caught.value) == "not_found"


async def test_receive_goes_as_far_as_its_credit_and_on_from_any_index(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("pt") as pt:
        sent = [f.envelope("be", "pt") for _ in range(300)]
        for at in range(0, 300, 50):
            await relay.core.submit("be", sent[at : at + 50])
        call = pt.receive()
        await call.write(pb.ReceiveRequest(from_index=0))
        reading = asyncio.create_task(call.read())
        await asyncio.sleep(0.2)
        assert not reading.done(), "nothing comes without credit"
        await call.write(credit(2))
        answers = [await asyncio.wait_for(reading, SECONDS), await asyncio.wait_for(call.read(), SECONDS)]
        reading = asyncio.create_task(call.read())
        await asyncio.sleep(0.2)
        assert not reading.done(), "three answers for a credit of two"
        reading.cancel()
        call.cancel()
        # From there on, in a new stream, to the end: without a gap and provably one log.
        frontier = Frontier()
        follow(relay.core.state.directory, frontier, answers)
        call = pt.receive()
        await call.write(pb.ReceiveRequest(from_index=frontier.size))
        await call.write(credit(1000))
        while frontier.size < relay.core.state.size:
            follow(relay.core.state.directory, frontier, [await asyncio.wait_for(call.read(), SECONDS)])
        # And it goes on as the log grows.
        new = await send(relay.core, "be", f.envelope("be", "pt"))
        answer = await asyncio.wait_for(call.read(), SECONDS)
        assert answer.first_index == new.receipt.index
        assert answer.statements[0].wrap
        call.cancel()


def follow(directory: Directory, frontier: Frontier, answers: list[pb.ReceiveResponse]) -> None:
    """Append the entries of these answers and hold them against the checkpoint that came with each."""
    for answer in answers:
        assert answer.first_index == frontier.size
        for at in range(0, len(answer.entries), limits.LOG_ENTRY):
            frontier.append(LogEntry.decode(answer.entries[at : at + limits.LOG_ENTRY]).leaf_hash)
        newest = open_checkpoint(
            answer.checkpoint, origin=directory.origin, key=directory.log_key(frontier.size)
        )
        verify_consistency(frontier.size, frontier.root, newest.size, newest.root, list(answer.consistency))


async def test_half_closed_is_not_hung_up(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("pt") as pt:
        asked = iter([pb.ReceiveRequest(from_index=0), credit(1)])
        answers = [one async for one in pt.stub.Receive(asked, wait_for_ready=True, timeout=SECONDS)]
        assert [one.first_index for one in answers] == [0]
        assert len(answers[0].entries) == relay.core.state.size * limits.LOG_ENTRY


async def test_receive_says_what_is_wrong_with_its_requests(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("pt") as pt:
        index = pb.ReceiveRequest(from_index=0)
        for asked in ([credit(1)], [pb.ReceiveRequest()], [], [index, index], [index, pb.ReceiveRequest()]):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in pt.stub.Receive(iter(asked), wait_for_ready=True, timeout=SECONDS):
                    pass
            assert reason(caught.value) == "malformed", asked


async def test_directory_prekeys_entries_statements_checkpoints_anchors_proofs(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        [sent] = accepted(await be.submit(f.envelope("be", "pt")))
        state, size = relay.core.state, relay.core.state.size
        call = be.stub.GetDirectories(pb.GetDirectoriesRequest(from_version=0), timeout=SECONDS)
        [version] = [one async for one in call]
        assert (version.index, version.bundle.statement) == (0, f.bundle.statement)
        assert tuple(version.bundle.members) == f.bundle.members
        call = be.stub.GetDirectories(pb.GetDirectoriesRequest(from_version=2**64 - 1), timeout=SECONDS)
        assert [one async for one in call] == []

        prekeys = (await be.ask("GetPrekeys", pb.GetPrekeysRequest(members=["pt", "xx", "es"]))).prekeys
        assert [f.id(one.statement) for one in prekeys] == [f["pt"].prekey, f["es"].prekey]
        entries = (await be.ask("GetEntries", pb.GetEntriesRequest(from_index=0, count=2**32 - 1))).entries
        leaves = [LogEntry.decode(entries[at : at + 34]).leaf_hash for at in range(0, len(entries), 34)]
        assert len(leaves) == size
        wanted = pb.GetStatementsRequest(indices=[0, sent.receipt.index, size, 2**64 - 1])
        statements = (await be.ask("GetStatements", wanted)).statements
        assert [one.index for one in statements] == [0, sent.receipt.index]

        note = (await be.ask("GetCheckpoint", pb.GetCheckpointRequest())).checkpoint
        newest = open_checkpoint(note, origin=state.directory.origin, key=state.directory.log_key(size))
        anchor = state.open_anchor((await be.ask("GetAnchor", pb.GetAnchorRequest())).note)
        assert anchor.time > 0
        request = pb.GetInclusionProofRequest(index=sent.receipt.index, size=size)
        proof = (await be.ask("GetInclusionProof", request)).proof
        verify_inclusion(leaves[sent.receipt.index], sent.receipt.index, size, newest.root, list(proof))
        old = anchor.checkpoint
        between = pb.GetConsistencyProofRequest(old_size=old.size, new_size=size)
        proof = (await be.ask("GetConsistencyProof", between)).proof
        verify_consistency(old.size, old.root, size, newest.root, list(proof))


async def test_what_is_not_there_or_too_much_is_refused_with_details(tmp_path: Path) -> None:
    f = Federation()
    most = 2**64 - 1
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        size = relay.core.state.size
        for method, request, expected in [
            ("GetAnchor", pb.GetAnchorRequest(min_size=size + 1), "not_found"),
            ("GetAnchor", pb.GetAnchorRequest(min_size=most), "not_found"),
            ("GetInclusionProof", pb.GetInclusionProofRequest(index=size, size=size), "not_found"),
            ("GetInclusionProof", pb.GetInclusionProofRequest(index=most, size=most), "not_found"),
            ("GetConsistencyProof", pb.GetConsistencyProofRequest(old_size=0, new_size=most), "not_found"),
            ("GetConsistencyProof", pb.GetConsistencyProofRequest(old_size=2, new_size=1), "not_found"),
            ("GetPrekeys", pb.GetPrekeysRequest(members=["pt"] * 257), "too_large"),
            ("GetStatements", pb.GetStatementsRequest(indices=[0] * 257), "too_large"),
            ("GetStatements", pb.GetStatementsRequest(indices=[0] * 10**6), "too_large"),
            ("AttachmentStatus", pb.AttachmentStatusRequest(root=b"short"), "malformed"),
            ("PutAttachment", pb.PutAttachmentRequest(root=bytes(32), size=most, data=b"1"), "too_large"),
            ("Submit", pb.SubmitRequest(envelopes=[pb.Envelope()] * 65), "too_large"),
            ("Submit", pb.SubmitRequest(envelopes=[pb.Envelope()] * 10**6), "too_large"),
            ("Publish", pb.PublishRequest(statements=[pb.PublishedStatement()] * 257), "too_large"),
        ]:
            assert await refused(be, method, request) == expected, method


async def test_health_and_reflection_answer(tmp_path: Path) -> None:
    f = Federation()
    service = "mce_exchange.v1.RelayService"
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        health = health_pb2_grpc.HealthStub(be.channel)
        for name in ("", service):
            request = health_pb2.HealthCheckRequest(service=name)
            answer = await health.Check(request, wait_for_ready=True, timeout=SECONDS)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watched = health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Watch(health_pb2.HealthCheckRequest(service="made up"), timeout=SECONDS).read()
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        watched.cancel()

        def names() -> list[str]:
            party = f["be"]
            credentials = grpc.ssl_channel_credentials(
                tls.to_pem(f.relay_certificate), party.tls_key, tls.to_pem(party.certificate)
            )
            options = [("grpc.ssl_target_name_override", tls.SERVER_NAME)]
            with grpc.secure_channel(relay.address, credentials, options) as channel:
                return list(ProtoReflectionDescriptorDatabase(channel).get_services())

        assert service in await asyncio.to_thread(names)


async def test_promise_11_a_fault_of_the_relays_own_is_told_without_a_word_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be:
        for fault in (StoreError("kanarie"), ZeroDivisionError("kanarie"), KeyError("kanarie")):

            def fail(*_: object, fault: Exception = fault) -> None:
                raise fault

            with monkeypatch.context() as patch:
                patch.setattr(relay.core, "_read", fail)
                unary = be.ask("GetEntries", pb.GetEntriesRequest(from_index=0, count=1))
                directories = be.stub.GetDirectories(pb.GetDirectoriesRequest(), wait_for_ready=True)
                receiving = be.receive()
                await receiving.write(pb.ReceiveRequest(from_index=0))
                await receiving.write(credit(1))
                for call in (unary, directories.read(), receiving.read()):
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await call
                    assert caught.value.code() is grpc.StatusCode.INTERNAL
                    assert caught.value.details() == "the relay failed; nothing was promised"
        assert (await be.ask("GetEntries", pb.GetEntriesRequest(from_index=0, count=1))).entries
