"""Why the relay cannot be reached: gRPC only says "unavailable", a handshake of our own says more."""

import os
import socket
import ssl
from typing import Final

from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.home import Home

_SECONDS: Final = 5.0


def diagnose(home: Home) -> str:
    """ "open", or what is wrong and what to do. Does not pass through a configured proxy."""
    host, _, port = home.settings.text(settings.RELAY_ADDRESS).rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=tls.to_pem(home.settings.get(settings.RELAY_CERTIFICATE)).decode())
    _load_door(context, home)
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=tls.SERVER_NAME) as door,
        ):
            door.settimeout(_SECONDS)
            # In TLS 1.3 the server judges our certificate after the handshake: its alert comes here.
            door.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            return "open" if door.recv(9) else "the relay closes the door: is it draining?"
    except ssl.SSLCertVerificationError:
        return "the relay shows another certificate than the pinned one: do not trust it, ask the operator"
    except ssl.SSLError:
        return "the relay does not admit this certificate: is this member's card in the Directory?"
    except TimeoutError:
        return f"no answer from {host}:{port}: a firewall, or the wrong address"
    except (OSError, ValueError):
        return f"nothing listens at {host}:{port}: the relay is down, or the address is wrong"


def _load_door(context: ssl.SSLContext, home: Home) -> None:
    """Python's ssl reads keys from files only: this one lives in memory and has no name."""
    descriptor = os.memfd_create("door")
    with os.fdopen(descriptor, "wb") as file:
        file.write(home.secrets.get("door") + tls.to_pem(home.settings.get(settings.DOOR)))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
