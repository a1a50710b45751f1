"""Wrapping the same content key again, for a newer prekey of the same recipient (SPEC section 9).

Never re-encryption: the ciphertext, its roots and its commitments stay, so the recipient reads what
everybody else read. When it may be done at all is the node's rule (`hotline`).
"""

from collections.abc import Sequence

from mce_exchange import statement
from mce_exchange.header import Header, wrap_info
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives import kem
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2


def rewrap(
    header: Header,
    *,
    header_id: bytes,
    recipient_index: int,
    content_key: bytes,
    prekey_id: bytes,
    prekey: bytes,
    network_id: bytes,
    keys: Sequence[PrivateKey],
    by_person: bool = False,
) -> tuple[Statement, bytes]:
    """The `re-wrap` Statement and its wrap (1,168 bytes). `MalformedError` for a prekey that is none."""
    wrap = kem.wrap(content_key, prekey, wrap_info(header.core_hash, recipient_index, prekey_id))
    body = statement_pb2.ReWrap(
        signers=[key.public.id for key in keys],
        header_id=header_id,
        recipient_index=recipient_index,
        prekey_id=prekey_id,
        wrap_digest=sha256(wrap),
        by_person=by_person,
    ).SerializeToString(deterministic=True)
    return statement.sign("re-wrap", body, network_id=network_id, keys=keys), wrap
