"""A message that the log brings: judged by the state at its index, opened, or refused with a code.

Order: framing, lint, signatures, whose keys, named recipient; wrap and payload against the header,
which no key is needed for; then the private key; then what the author sealed against what the author
signed; then the case model, then how many persons the act needs (SPEC 4.3, 5 to 8).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from mce_exchange import statement as statements
from mce_exchange.directory.authority import Verdict, authenticate
from mce_exchange.directory.model import Act
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import DecryptionError, ProtocolError
from mce_exchange.header import Header, read_header
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import Opened, check_payload, check_wrap, open_content_key, open_payload
from mce_exchange.v1 import statement_pb2

Check = Callable[[bytes], Act | None]
"""Raises `ProtocolError` for content that is no valid case; else the act of a policy that it is, or None."""


class Refusal(IntEnum):
    """Codes of `refused` Statements."""

    PREKEY_NOT_HELD = statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD
    CANNOT_OPEN = statement_pb2.REFUSAL_CODE_CANNOT_OPEN
    CONTENT_INVALID = statement_pb2.REFUSAL_CODE_CONTENT_INVALID
    ATTACHMENT_INVALID = statement_pb2.REFUSAL_CODE_ATTACHMENT_INVALID
    NUMBER_USED = statement_pb2.REFUSAL_CODE_NUMBER_USED
    POLICY = statement_pb2.REFUSAL_CODE_POLICY
    BY_PERSON = statement_pb2.REFUSAL_CODE_BY_PERSON

    @property
    def final(self) -> bool:
        """Whether nothing can follow: all but a prekey that is not held."""
        return self is not Refusal.PREKEY_NOT_HELD


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A genuine header at its log index, with our place among its recipients.

    `strange_directory`: it names a Directory that the log, as we followed it, does not have there.
    `reserved`: acts for which the sender's policy asks for more persons than signed (SPEC section 8.1).
    """

    header: Header
    header_id: bytes
    sender: str
    position: int
    index: int
    disputed: bool
    strange_directory: bool
    reserved: frozenset[Act]

    @property
    def sequence(self) -> int:
        """Our number in the pair's order."""
        return self.header.core.recipients[self.position].sequence


def judge(raw: bytes, *, state: PublicState, index: int, me: str) -> Arrived:
    """Verify a header for `me`; any `ProtocolError` means that it is nobody's message."""
    signed = authenticate(statements.decode(raw), state=state, index=index)
    header, directory = read_header(signed.statement), state.directory
    return Arrived(
        header=header,
        header_id=signed.statement.id(directory.network_id),
        sender=signed.author,
        position=header.recipient_index(me),
        index=index,
        disputed=signed.verdict is Verdict.DISPUTED,
        strange_directory=not _has(state, header.core.directory_version, header.core.directory_id),
        reserved=frozenset(act for act in Act if directory.persons(signed.author, act) > signed.persons),
    )


def _has(state: PublicState, version: int, id_: bytes) -> bool:
    ids = state.directory.ids
    return version <= len(ids) and equal(ids[version - 1], id_)


def open_arrived(
    arrived: Arrived,
    *,
    wrap: bytes,
    payload: bytes,
    prekey: Callable[[bytes], KemKey | None],
    check: Check,
    rewrap: statement_pb2.ReWrap | None = None,
) -> Opened | Refusal:
    """Open by the header's wrap, or by a verified re-wrap.

    Raises `ContextError` for another wrap or payload than was signed: the relay's fault, which no
    refusal may lay upon the sender. Whether the prekey is held is decided before any decryption, so
    the answer is no oracle.
    """
    listed = arrived.header.wraps[arrived.position]
    check_wrap(wrap, rewrap.wrap_digest if rewrap else listed.digest)
    check_payload(arrived.header, payload)
    prekey_id = rewrap.prekey_id if rewrap else listed.prekey_id
    key = prekey(prekey_id)
    if key is None:
        return Refusal.PREKEY_NOT_HELD
    try:
        content_key = open_content_key(
            arrived.header,
            arrived.position,
            wrap,
            key,
            prekey_id=prekey_id,
            digest=rewrap.wrap_digest if rewrap else listed.digest,
        )
        opened = open_payload(arrived.header, content_key, payload)
        act = check(opened.content)
    except DecryptionError:
        return Refusal.CANNOT_OPEN
    except ProtocolError:
        return Refusal.CONTENT_INVALID
    # What the relay could not see: it is refused whole, or one hijacked desk would alarm everybody.
    return Refusal.POLICY if act in arrived.reserved else opened
