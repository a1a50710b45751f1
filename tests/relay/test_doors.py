"""Who gets in: TLS 1.3, exactly the certificates that the log names now, at every call (SPEC section 8.7)."""

import asyncio
import datetime
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mce_relay.doors import is_open_to_old_tls
from mce_relay.values import PublishIn

from mce_exchange.directory import compose
from mce_exchange.directory.model import Status
from mce_exchange.primitives import tls
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import statement_pb2
from tests.relay import federation
from tests.relay.federation import Federation, ciphertext, put, send, stream, tell
from tests.relay.served import SECONDS, Door, Served, credit, reason, rest, served

NOTHING = pb.GetCheckpointRequest()


def handshake(address: str, chain: bytes, folder: Path, version: ssl.TLSVersion) -> str:
    """The version agreed on, once the relay has looked at the certificate; or what kind of error it was."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2"])
    (folder / "chain").write_bytes(chain)
    context.load_cert_chain(folder / "chain")
    host, _, port = address.rpartition(":")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=SECONDS) as plain,
            context.wrap_socket(plain) as door,
        ):
            door.settimeout(SECONDS)
            door.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return str(door.version()) if door.recv(9) else "closed"
    except (ssl.SSLError, ConnectionError) as error:
        return type(error).__name__


async def knock(relay: Served, key: bytes, certificate: bytes) -> None:
    """One call through this door."""
    async with relay.channel(key, certificate) as channel:
        await Door(channel).ask("GetCheckpoint", NOTHING)


async def watch_health(relay: Served, key: bytes, certificate: bytes) -> None:
    """A streaming call of another service through this door."""
    async with relay.channel(key, certificate) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True)
        await call.read()


async def tls_keys(f: Federation, relay: Served, member: str, number: int, *certificates: bytes) -> None:
    body = statement_pb2.TlsKeys(
        signers=[f[member].key.public.id], member=member, number=number, certificates=certificates
    )
    await tell(relay.core, member, PublishIn(f.sign("tls-keys", body, f[member].key)))


async def test_nothing_older_than_tls_1_3_and_no_stranger(tmp_path: Path) -> None:
    f = Federation()
    be = f["be"]
    async with served(f, tmp_path) as relay:

        async def shake(key: bytes, *chain: bytes, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> str:
            pem = key + b"".join(map(tls.to_pem, chain))
            return await asyncio.to_thread(handshake, relay.address, pem, tmp_path, version)

        assert await shake(be.tls_key, be.certificate) == "TLSv1.3"
        assert await shake(be.tls_key, be.certificate, version=ssl.TLSVersion.TLSv1_2) != "TLSv1.2"
        assert not await asyncio.to_thread(is_open_to_old_tls, relay.address)
        key, stranger = tls.make_certificate()
        assert await shake(key, stranger) != "TLSv1.3"
        # What a member's key has signed chains to a certificate that is trusted: the call looks closer.
        key, signed = signed_by(be.tls_key, be.certificate)
        for call in (knock(relay, key, signed), watch_health(relay, key, signed)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert reason(caught.value) == "not_admitted"


def signed_by(issuer_key: bytes, issuer: bytes) -> tuple[bytes, bytes]:
    """A key and a certificate issued with a member's door key."""
    above = serialization.load_pem_private_key(issuer_key, None)
    assert isinstance(above, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "below")])
    return certificate(name, x509.load_der_x509_certificate(issuer).subject, above)


def certificate(
    subject: x509.Name, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey | None = None
) -> tuple[bytes, bytes]:
    """A new key and a certificate with these names, signed by itself or another."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(1970, 1, 1))
        .not_valid_after(datetime.datetime(9999, 12, 31))
        .sign(signer or key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, made.public_bytes(serialization.Encoding.DER)


async def test_a_member_that_a_directory_adds_gets_in_at_once(tmp_path: Path) -> None:
    f = Federation()
    new = federation._party("ro")
    async with served(f, tmp_path) as relay:
        with pytest.raises(grpc.aio.AioRpcError):
            async with relay.channel(new.tls_key, new.certificate) as channel:
                await Door(channel).stub.GetCheckpoint(NOTHING, timeout=5)
        draft = compose.Draft.of(relay.core.state.directory)
        draft = replace(draft, members=[*draft.members, federation._member(new)])
        bundle = compose.successor(
            draft, current=relay.core.state.directory, now_minutes=federation.NOW // 60
        )
        bundle = compose.sign_directory(bundle, f.root, network_id=f.network_id)
        async with relay.door("be") as be:
            await be.publish(PublishIn(bundle.statement, bundle.members))
        await knock(relay, new.tls_key, new.certificate)


async def test_both_doors_of_a_rotation_open_and_the_old_one_closes_where_it_stands(tmp_path: Path) -> None:
    f = Federation()
    key, new = tls.make_certificate()
    data = ciphertext(5_000_000)
    async with served(f, tmp_path) as relay, relay.door("pt") as pt, relay.door("es") as es:
        await put(relay.core, "be", data)
        await send(relay.core, "be", f.envelope("be", "pt", attachments=[data]))
        await tls_keys(f, relay, "pt", 1, f["pt"].certificate, new)
        await knock(relay, f["pt"].tls_key, f["pt"].certificate)
        await knock(relay, key, new)

        # Open when the door goes: a stream that waits for the log, one without credit, a download.
        waiting, idle, other = pt.receive(), pt.receive(), es.receive()
        for call, granted in ((waiting, 100), (idle, 0), (other, 100)):
            await call.write(pb.ReceiveRequest(from_index=relay.core.state.size))
            await call.write(credit(granted))
        slow = Door(relay.narrow("pt"))
        download = slow.stub.GetAttachment(pb.GetAttachmentRequest(root=stream(data).root))
        await download.read()
        watched = health_pb2_grpc.HealthStub(pt.channel)
        await tls_keys(f, relay, "pt", 2, new)
        for ended in (waiting, idle):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asyncio.wait_for(ended.read(), SECONDS)
            assert reason(caught.value) == "not_admitted"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rest(download)
        assert reason(caught.value) == "not_admitted"
        await slow.channel.close()
        # On the connection that stands since before, nothing new begins: no call of any service.
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pt.ask("GetCheckpoint", NOTHING)
        assert reason(caught.value) == "not_admitted"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watched.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        assert reason(caught.value) == "not_admitted"
        await knock(relay, key, new)
        # Everybody else goes on.
        assert (await asyncio.wait_for(other.read(), SECONDS)).statements
        other.cancel()


async def test_who_leaves_is_out_and_who_is_held_back_stays_for_what_is_public(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("pt") as pt, relay.door("es") as es:
        calls = [pt.receive(), es.receive()]
        for call in calls:
            await call.write(pb.ReceiveRequest(from_index=relay.core.state.size))
            await call.write(credit(100))
        changed = f.successor(relay.core.state.directory, pt=Status.LEFT, es=Status.SUSPENDED)
        await tell(relay.core, "be", PublishIn(changed.statement, changed.members))
        found = await asyncio.wait_for(calls[1].read(), SECONDS)
        assert found.statements[0].statement == changed.statement
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await rest(calls[0])
        assert reason(caught.value) == "not_admitted"
        await send(relay.core, "be", f.envelope("be", "nl", "es"))
        found = await asyncio.wait_for(calls[1].read(), SECONDS)
        assert found.entries
        assert not found.statements
        with pytest.raises(grpc.aio.AioRpcError):
            await pt.ask("GetCheckpoint", NOTHING)
        [result] = await es.submit(f.envelope("es", "nl"))
        assert result.refusal.reason == pb.REFUSAL_REASON_NOT_ADMITTED
        calls[1].cancel()


async def test_nobody_shuts_another_out_with_a_certificate_of_its_name(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay:
        name = x509.load_der_x509_certificate(f["be"].certificate).subject
        _, forged = certificate(name, name)
        await tls_keys(f, relay, "es", 1, f["es"].certificate, forged)
        assert relay.core.member_of(forged) is None, "what is no door's certificate opens none"
        copied = statement_pb2.TlsKeys(
            signers=[f["es"].key.public.id], member="es", number=2, certificates=[f["be"].certificate]
        )
        async with relay.door("es") as es:
            [result] = await es.publish(PublishIn(f.sign("tls-keys", copied, f["es"].key)))
        assert result.refusal.reason == pb.REFUSAL_REASON_WRONG_CONTEXT
        await knock(relay, f["be"].tls_key, f["be"].certificate)
