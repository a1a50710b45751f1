"""Why the relay cannot be reached: gRPC only says "unavailable", a handshake of our own says more."""

import base64
import os
import socket
import ssl
from typing import Final
from urllib.parse import unquote

from mce_exchange.client.address import read_address, split_proxy
from mce_exchange.errors import UsageError
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.home import Home

_SECONDS: Final = 5.0
_HEAD: Final = 16 * 1024
NOT_ADMITTED: Final = "the relay does not admit this certificate: is this member's card in the Directory?"


class ProxyError(Exception):
    """What the proxy said."""


def diagnose(home: Home) -> str:
    """ "open", or what is wrong and what to do, on the way that the node takes."""
    try:
        host, port = read_address(home.settings.text(settings.RELAY_ADDRESS))
    except UsageError as error:
        return f"{error}: join again with --relay-address"
    proxy = (home.settings.find(settings.PROXY) or b"").decode()
    way = f" through {split_proxy(proxy).hostname}" if proxy else ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # gRPC hangs up on whoever does not ask for HTTP/2 by name.
    context.set_alpn_protocols(["h2"])
    context.load_verify_locations(cadata=tls.to_pem(home.settings.get(settings.RELAY_CERTIFICATE)).decode())
    _load_door(context, home)
    try:
        with (
            connect(host, port, proxy) as plain,
            context.wrap_socket(plain, server_hostname=tls.SERVER_NAME) as door,
        ):
            door.settimeout(_SECONDS)
            # In TLS 1.3 the server judges our certificate after the handshake: its alert comes here, or it
            # hangs up. One that admits us speaks first, even to say that it is draining.
            door.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return "open" if door.recv(9) else NOT_ADMITTED
    except ssl.SSLCertVerificationError:
        return "the relay shows another certificate than the pinned one: do not trust it, ask the operator"
    except ssl.SSLError:
        return NOT_ADMITTED
    except ProxyError as error:
        return f"the proxy does not let us through to {host}:{port}: {error}"
    except TimeoutError:
        return f"no answer from {host}:{port}{way}: a firewall, or the wrong address"
    except (OSError, ValueError):
        return f"nothing listens at {host}:{port}{way}: the relay is down, or the address is wrong"


def connect(host: str, port: int, proxy: str) -> socket.socket:
    """A connection, through the proxy if there is one; `OSError`, `ValueError` or `ProxyError`."""
    if not proxy:
        return socket.create_connection((host, port), timeout=_SECONDS)
    split = split_proxy(proxy)
    plain = socket.create_connection((split.hostname or "", split.port or 0), timeout=_SECONDS)
    try:
        _ask_proxy(
            plain, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", split.username, split.password
        )
    except BaseException:
        plain.close()
        raise
    return plain


def _ask_proxy(plain: socket.socket, target: str, user: str | None, password: str | None) -> None:
    """HTTP CONNECT (RFC 9110 section 9.3.6)."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if user is not None:
        pair = f"{unquote(user)}:{unquote(password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}")
    plain.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    # Byte by byte: what follows the head is the relay's.
    while not head.endswith(b"\r\n\r\n"):
        one = plain.recv(1)
        if not one or len(head) > _HEAD:
            raise ProxyError("it hangs up")
        head += one
    status = head.split(b"\r\n", 1)[0].decode("ascii", "replace")
    if status.split(" ")[1:2] != ["200"]:
        raise ProxyError(f"it says {status[:80]}")


def _load_door(context: ssl.SSLContext, home: Home) -> None:
    """Python's ssl reads keys from files only: this one lives in memory and has no name."""
    descriptor = os.memfd_create("door")
    with os.fdopen(descriptor, "wb") as file:
        file.write(home.secrets.get("door") + tls.to_pem(home.settings.get(settings.DOOR)))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
