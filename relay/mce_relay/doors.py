"""The doors: TLS 1.3, and in come exactly the certificates that the log names (SPEC section 8).

The certificates are the server's roots, so a stranger's handshake fails; the one presented is then
compared byte for byte, so nothing that merely chains to a member's certificate passes for it. When
they change, the next handshake is judged by the new set.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import grpc

from mce_exchange.errors import MalformedError
from mce_exchange.primitives import tls
from mce_relay.core import Core

_SECONDS: Final = 10.0


def credentials(core: Core, *, door_key: bytes, door: bytes) -> grpc.ServerCredentials:
    """Server credentials that follow the core's doors."""
    chain = tls.to_pem(door)
    admitted: list[tuple[bytes, ...]] = [core.doors()]

    def configuration(certificates: tuple[bytes, ...]) -> Any:
        roots = b"".join(map(tls.to_pem, certificates))
        return grpc.ssl_server_certificate_configuration([(door_key, chain)], root_certificates=roots)

    def fetch() -> Any:
        # Asked at each handshake; None keeps the configuration that is in use.
        now = core.doors()
        if now is admitted[0]:
            return None
        admitted[0] = now
        return configuration(now)

    return grpc.dynamic_ssl_server_credentials(
        configuration(admitted[0]), fetch, require_client_authentication=True
    )


def is_open_to_old_tls(address: str) -> bool:
    """Whether the relay at this address says hello to a client that speaks TLS 1.2 and nothing newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS) as plain:
        plain.sendall(outgoing.read())
        # A record of the handshake is the server's hello; a refusal is an alert, or the end.
        return plain.recv(1) == b"\x16"


_der = lru_cache(maxsize=1024)(tls.to_der)


def caller(core: Core) -> Callable[[grpc.aio.ServicerContext[Any, Any]], str | None]:
    """Who is at the other end of a call: a member's or the relay's id, None for anybody else."""

    def who(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
        presented = list(context.auth_context().get("x509_pem_cert", ()))
        if len(presented) != 1:
            return None
        try:
            return core.member_of(_der(presented[0]))
        except MalformedError:
            return None

    return who
