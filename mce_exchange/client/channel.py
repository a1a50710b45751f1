"""One outward connection to the pinned relay: TLS 1.3, both sides by self-made certificates."""

import json
from typing import Final

import grpc

from mce_exchange import limits
from mce_exchange.primitives import tls

_RETRY: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{"service": "mce_exchange.v1.RelayService"}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.2s",
                    "maxBackoff": "5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


def open_channel(
    address: str, *, relay_certificate: bytes, door_key: bytes, door: bytes, proxy: str | None = None
) -> grpc.aio.Channel:
    """A channel to `address` that trusts exactly this relay certificate (DER) and shows ours.

    The name in the certificate is fixed: identity is the pinned key, whatever the address says. gRPC itself
    lets the environment except hosts from a `proxy` (no_grpc_proxy, no_proxy).
    """
    options: list[tuple[str, object]] = [
        ("grpc.ssl_target_name_override", tls.SERVER_NAME),
        ("grpc.max_receive_message_length", limits.CALL + limits.MIB),
        ("grpc.max_send_message_length", limits.CALL + limits.MIB),
        ("grpc.service_config", _RETRY),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
        # Attempts come soon, but each has gRPC's 20 s: a handshake on a busy machine takes its time.
        ("grpc.max_reconnect_backoff_ms", 5_000),
        # Without one of ours, no environment names a proxy.
        ("grpc.http_proxy", proxy) if proxy else ("grpc.enable_http_proxy", 0),
    ]
    credentials = grpc.ssl_channel_credentials(
        root_certificates=tls.to_pem(relay_certificate),
        private_key=door_key,
        certificate_chain=tls.to_pem(door),
    )
    return grpc.aio.secure_channel(address, credentials, options=options)
