"""What a second person signs on a machine of her own: one file to her, one back (SPEC section 8.1).

So her key never comes near the desk. The file to her opens one message's content and nothing else; she
sees what the header commits to, wherever the file was on its way. The file back is the signed header.
"""

import io
from dataclasses import dataclass
from typing import Final

import msgpack

from mce_exchange import case, limits
from mce_exchange import statement as statements
from mce_exchange.case import CaseMessage
from mce_exchange.client import approving
from mce_exchange.client.identity import Identity
from mce_exchange.errors import MceError, UsageError
from mce_exchange.header import Header, read_header
from mce_exchange.keys import PrivateKey
from mce_exchange.opened import AttachmentInfo, read_payload
from mce_exchange.sealing import open_as_signed
from mce_exchange.statement import Statement
from mce_exchange.store.home import Home

MOST: Final = limits.STATEMENT + 2 * limits.PAYLOAD_PADDED
_FORMAT: Final = "mce1-approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message that awaits a second person, as its first one signed it in a network (its id, 32 bytes)."""

    network_id: bytes
    statement: Statement
    header: Header
    message: CaseMessage
    attachments: tuple[AttachmentInfo, ...]

    @property
    def id(self) -> bytes:
        """The header id."""
        return self.statement.id(self.network_id)


def write(home: Home, identity: Identity, header_id: bytes) -> bytes:
    """The file to her. It holds the content in the clear to whoever has it."""
    _, signed, opened = approving.awaited(home, header_id)
    payload = home.outbox.outgoing(header_id).payload
    return pack(identity.network_id, signed.raw, payload, opened.secrets[0])


def pack(network_id: bytes, statement: bytes, payload: bytes, secret: bytes) -> bytes:
    """Network, half-signed header, sealed payload, and the secret that opens it."""
    return bytes(msgpack.packb([_FORMAT, network_id, statement, payload, secret]))


def read(data: bytes) -> Request:
    """What such a file asks to sign; `UsageError` for anything that its own header does not commit to."""
    try:
        format_, network_id, raw, payload, secret = msgpack.unpackb(data)
        if format_ != _FORMAT or not isinstance(network_id, bytes) or len(network_id) != limits.HASH:
            raise ValueError(format_)
        signed = statements.decode(raw)
        header = read_header(signed)
        pieces = open_as_signed(secret, header.core.streams[0], io.BytesIO(payload), payload=True)
        inner = read_payload(header.core, b"".join(pieces))
        message = case.decode(inner.content)
    except (MceError, ValueError, TypeError, AttributeError, msgpack.UnpackException):
        raise UsageError(
            "this file does not hold what it asks to sign", remedy="ask the desk, by telephone, for another"
        ) from None
    return Request(
        network_id=network_id,
        statement=signed,
        header=header,
        message=message,
        attachments=inner.attachments,
    )


def sign(request: Request, key: PrivateKey) -> bytes:
    """The file back; `UsageError` for another key than the message names for its second person."""
    approving.check_key(request.header, key)
    return statements.cosign(request.statement, key, network_id=request.network_id).raw
