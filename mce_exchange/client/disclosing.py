"""Showing one message, or one attachment, to a third party, from a home that holds its content (promise 4).

The file is the message's evidence and one stream's secret and ciphertext: nothing else is opened by it.
"""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

from mce_exchange import statement as statements
from mce_exchange.audit.build import Disclosure
from mce_exchange.client import desk
from mce_exchange.client.identity import Identity
from mce_exchange.client.proving import evidence_of
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.header import Header, read_header
from mce_exchange.hotline.follow import Follower
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import reseal_payload, root_of
from mce_exchange.sealing.streams import sealed_chunks
from mce_exchange.store.body import Body
from mce_exchange.store.home import Home


def disclosure_of(
    home: Home, identity: Identity, follower: Follower, id_: str, stream: int
) -> Iterator[bytes]:
    """The file, record by record: stream 0 is the message, attachments count from 1.

    Raises `UsageError` for what this home never held whole, `StoreError` once it has been erased.
    """
    header_id = desk.find_logged(home, id_)
    header, body = _held(home, header_id)
    if not 0 <= stream < len(body.secrets):
        raise UsageError(f"this message has {len(body.secrets) - 1} attachments, counted from 1")
    with ExitStack() as stack:
        source = _ciphertext(home, header, body, stream, stack)
        view = header.core.streams[stream]
        # Read once before a byte of it leaves: what does not hash to the signed root proves nothing.
        if not equal(root_of(view, source), view.root):
            raise StoreError("this home's copy is not what was signed", remedy="ask another party of it")
        source.seek(0)
        one = Disclosure(
            header_id=header_id,
            stream=stream,
            secret=body.secrets[stream],
            chunks=sealed_chunks(view, source),
        )
        yield from evidence_of(home, identity, follower, [id_], disclosures=[one])


def _held(home: Home, header_id: bytes) -> tuple[Header, Body]:
    sent = home.outbox.find(header_id)
    if sent is not None:
        return read_header(statements.decode(sent.statement)), _body(home, header_id, own=True)
    if home.inbox.find(header_id) is None:
        raise UsageError(
            "this home is no party to this message and holds no content of it",
            remedy="a party can disclose it; its evidence is `mce evidence export`",
        )
    return desk.header_of(desk.whole(home, header_id.hex())), _body(home, header_id, own=False)


def _body(home: Home, header_id: bytes, *, own: bool) -> Body:
    try:
        return (home.outbox if own else home.inbox).body(header_id)
    except StoreError:
        said = [str(one.index) for one in home.logbook.about(header_id) if one.type == "erasure"]
        entries = f" (entry {', '.join(said)} of the log)" if said else ""
        raise StoreError(
            f"the content and stream secrets of this message have been erased here{entries}: nothing here"
            " can open it any more",
            remedy="its evidence stands (`mce evidence export`); another party may still hold the content",
        ) from None


def _ciphertext(home: Home, header: Header, body: Body, stream: int, stack: ExitStack) -> BinaryIO:
    if stream:
        return stack.enter_context(home.attachments.reading(header.core.streams[stream].root))
    sealed = reseal_payload(header.core, body.content, body.attachments, secret=body.secrets[0])
    return io.BytesIO(sealed)
