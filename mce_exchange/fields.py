"""What each field of a signed body may hold: one table, read by `wire` (SPEC section 10).

For bytes, text and messages the range is a length in bytes, for numbers a value. A field whose
`least` is 1 has to be there: on the wire an absent field and a default value are one thing, so
"present" also means "not empty" and "not zero".
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from google.protobuf.message import Message

from mce_exchange import limits
from mce_exchange.v1 import directory_pb2 as directory
from mce_exchange.v1 import envelope_pb2 as envelope
from mce_exchange.v1 import evidence_pb2 as evidence
from mce_exchange.v1 import log_pb2 as log
from mce_exchange.v1 import statement_pb2 as statement

_ANY: Final = 2**63 - 1
_MINUTES: Final = 2**40


# Names by which people and programs compare: no two look alike, none acts in a path, log or terminal.
MEMBER_ID: Final = re.compile(rb"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_WITNESS_NAME: Final = re.compile(rb"[a-z0-9]([a-z0-9./-]*[a-z0-9])?")
_COUNTRY: Final = re.compile(rb"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Bound:
    """Length or value from `low` to `high`, `least` to `most` times; `holds` is what the bytes encode,
    `form` what all of a text must match.
    """

    low: int
    high: int
    least: int = 0
    most: int = 1
    holds: type[Message] | None = None
    form: re.Pattern[bytes] | None = None


def _one(low: int, high: int | None = None, *, form: re.Pattern[bytes] | None = None) -> Bound:
    return Bound(low, low if high is None else high, 1, form=form)


def _maybe(low: int, high: int | None = None, *, form: re.Pattern[bytes] | None = None) -> Bound:
    return Bound(low, low if high is None else high, form=form)


def _some(least: int, most: int, low: int, high: int | None = None) -> Bound:
    return Bound(low, low if high is None else high, least, most)


_ID: Final = _one(limits.HASH)
_NO_ID: Final = _maybe(limits.HASH)
_MEMBER: Final = _one(1, limits.MEMBER_ID, form=MEMBER_ID)
_SIGNERS: Final = _some(1, 2, limits.KEY_ID)
_RELAY_SIGNER: Final = _some(1, 1, limits.KEY_ID)
# Roots or a board act by a threshold.
_TOGETHER: Final = _some(1, limits.SIGNATURES, limits.KEY_ID)
_ANCHOR: Final = _one(1, limits.NOTE)
_CODE: Final = _one(1, _ANY)
_COUNT: Final = _one(1, limits.TREE_SIZE)
_INDEX: Final = _maybe(1, limits.TREE_SIZE)
_RECIPIENT_INDEX: Final = _maybe(1, limits.RECIPIENTS - 1)
_VERSION: Final = _one(1, limits.DIRECTORY_VERSIONS)
_REMOVED: Final = _maybe(1, limits.DIRECTORY_VERSIONS)
_TIME: Final = _one(1, _MINUTES)
_KEY_RECORD: Final = 3 * limits.KIB
_CERTIFICATES: Final = _some(0, limits.TLS_CERTIFICATES, 1, limits.CERTIFICATE)
_ED25519: Final = _one(limits.ED25519_PUBLIC)
_ML_DSA_44: Final = _one(limits.ML_DSA_44_PUBLIC)
_POLICY: Final = _some(0, 8, 1, 16)
_PROOF: Final = _some(0, limits.PROOF_HASHES, limits.HASH)

_BODIES: Final[dict[type[Message], dict[str, Bound]]] = {
    statement.Delivered: {
        "signers": _SIGNERS,
        "member": _MEMBER,
        "items": _some(1, limits.ACK_ITEMS, 1, 64),
    },
    statement.DeliveredItem: {"header_id": _ID, "index": _COUNT, "recipient_index": _RECIPIENT_INDEX},
    statement.Refused: {
        "signers": _SIGNERS,
        "member": _MEMBER,
        "items": _some(1, limits.ACK_ITEMS, 1, 64),
    },
    statement.RefusedItem: {
        "header_id": _ID,
        "index": _COUNT,
        "recipient_index": _RECIPIENT_INDEX,
        "code": _CODE,
    },
    statement.Void: {
        "signers": _SIGNERS,
        "sender": _MEMBER,
        "recipient": _MEMBER,
        "sequence": _COUNT,
        "annulled_id": _NO_ID,
    },
    statement.HighWater: {
        "signers": _SIGNERS,
        "sender": _MEMBER,
        "recipient": _MEMBER,
        "sequence": _COUNT,
        "header_id": _ID,
        "log_size": _COUNT,
        "log_root": _ID,
    },
    statement.ReWrap: {
        "signers": _SIGNERS,
        "header_id": _ID,
        "recipient_index": _RECIPIENT_INDEX,
        "prekey_id": _ID,
        "wrap_digest": _ID,
        "by_person": _maybe(1),
    },
    statement.Undeliverable: {
        "signers": _RELAY_SIGNER,
        "header_id": _ID,
        "recipient": _MEMBER,
        "code": _CODE,
    },
    statement.Overdue: {
        "signers": _RELAY_SIGNER,
        "header_id": _ID,
        "recipient": _MEMBER,
        "anchor": _ANCHOR,
    },
    statement.Erasure: {
        "signers": _SIGNERS,
        "author": _MEMBER,
        "what": _CODE,
        "header_ids": _some(1, limits.ACK_ITEMS, limits.HASH),
        "anchor": _ANCHOR,
    },
    statement.Prekey: {
        "signers": _SIGNERS,
        "member": _MEMBER,
        "epoch": _COUNT,
        "previous": _NO_ID,
        "public_key": _one(limits.X_WING_PUBLIC),
        "not_before_minutes": _TIME,
        "nominal_end_minutes": _TIME,
    },
    statement.TlsKeys: {
        "signers": _SIGNERS,
        "member": _MEMBER,
        "number": _COUNT,
        "certificates": _some(1, limits.TLS_CERTIFICATES, 1, limits.CERTIFICATE),
    },
    statement.Revocation: {
        "signers": _TOGETHER,
        "member": _MEMBER,
        "key_id": _ID,
        "cut": _ANCHOR,
        "reason": _CODE,
    },
    statement.Suspension: {"signers": _RELAY_SIGNER, "member": _MEMBER, "anchor": _ANCHOR, "reason": _CODE},
    statement.Clock: {"signers": _SIGNERS, "anchor": _ANCHOR},
    statement.Contest: {"signers": _SIGNERS, "member": _MEMBER, "statement_id": _ID},
    statement.BoardRecovery: {
        "signers": _TOGETHER,
        "member": _MEMBER,
        "new_key": _one(1, _KEY_RECORD),
        "certificates": _CERTIFICATES,
        "cut": _ANCHOR,
    },
    statement.SigningKey: {
        "ed25519": _ED25519,
        "ml_dsa_65": _one(limits.ML_DSA_65_PUBLIC),
        # Absent in a card or a recovery: the Directory that takes the key in says which version it is.
        "added_version": _REMOVED,
        "removed_version": _REMOVED,
        "label": _maybe(1, limits.DISPLAY_NAME),
    },
}

_MESSAGES: Final[dict[type[Message], dict[str, Bound]]] = {
    envelope.Header: {
        "core": Bound(1, 64 * limits.KIB, 1, 1, envelope.HeaderCore),
        "wraps": _some(1, limits.RECIPIENTS, 1, 128),
    },
    envelope.WrapCommitment: {"prekey_id": _ID, "digest": _ID},
    envelope.HeaderCore: {
        "signers": _SIGNERS,
        "suite": _one(1, _ANY),
        "message_ref": _ID,
        "sender": _MEMBER,
        "recipients": _some(1, limits.RECIPIENTS, 1, 256),
        "directory_version": _VERSION,
        "directory_id": _ID,
        "streams": _some(1, limits.STREAMS, 1, 128),
        "created_minutes": _TIME,
        "lifetime_seconds": _one(60, limits.LIFETIME_SECONDS),
        "deadline_class": _maybe(1, 255),
        "urgent": _maybe(1),
        "supersedes": _NO_ID,
    },
    envelope.Recipient: {"member": _MEMBER, "sequence": _COUNT, "previous_id": _NO_ID},
    envelope.Stream: {"root": _ID, "padded_size": _one(1, limits.ATTACHMENT_PADDED), "commitment": _ID},
    envelope.Payload: {
        "message_ref": _ID,
        "sender": _MEMBER,
        "recipients": Bound(1, limits.MEMBER_ID, 1, limits.RECIPIENTS, form=MEMBER_ID),
        "content": _one(1, limits.CONTENT),
        "attachments": _some(0, limits.ATTACHMENTS, 1, limits.KIB),
    },
    envelope.AttachmentInfo: {
        "name": _one(1, limits.ATTACHMENT_NAME),
        "media_type": _one(1, limits.MEDIA_TYPE),
        "size": _maybe(1, limits.ATTACHMENT_PADDED),
    },
}

_DIRECTORY: Final[dict[type[Message], dict[str, Bound]]] = {
    directory.Directory: {
        "version": _VERSION,
        "previous": _NO_ID,
        "genesis_random": _NO_ID,
        "name": _one(1, limits.DISPLAY_NAME),
        "exercise": _maybe(1),
        "root_keys": _some(1, limits.ROOT_KEYS, 1, _KEY_RECORD),
        "root_threshold": _one(1, limits.SIGNATURES),
        "members_root": _ID,
        "members": _maybe(1, limits.MEMBERS),
        "log_keys": _some(1, limits.LOG_KEYS, 1, _KEY_RECORD),
        "relays": _some(1, limits.RELAYS, 1, limits.RELAY_RECORD),
        "witnesses": _some(0, limits.WITNESS_KEYS, 1, _KEY_RECORD),
        # Said even when it is 0 of 0.
        "quorum": _one(0, 16),
        "earlier_indices": _some(0, limits.DIRECTORY_VERSIONS, 0, limits.TREE_SIZE),
        "issued_minutes": _TIME,
        "expires_minutes": _TIME,
        "lifted_suspensions": _some(0, limits.SUSPENSIONS, limits.HASH),
        "default_policy": _POLICY,
        "closed": _maybe(1),
        "successor": _NO_ID,
    },
    directory.LogKey: {
        "ed25519": _ED25519,
        "ml_dsa_44": _ML_DSA_44,
        "added_version": _REMOVED,
        "removed_version": _REMOVED,
    },
    directory.RelayRecord: {
        "id": _MEMBER,
        "address": _one(3, limits.ADDRESS),
        "keys": _some(1, limits.SIGNING_KEYS, 1, _KEY_RECORD),
        "certificates": _some(1, limits.TLS_CERTIFICATES, 1, limits.CERTIFICATE),
        "added_version": _REMOVED,
        "removed_version": _REMOVED,
        "tiles": _maybe(8, limits.ADDRESS),
    },
    directory.WitnessKey: {
        "name": _one(1, limits.MEMBER_ID, form=_WITNESS_NAME),
        "member": _MEMBER,
        "ed25519": _ED25519,
        "ml_dsa_44": _ML_DSA_44,
        "added_version": _REMOVED,
        "removed_version": _REMOVED,
    },
    directory.Quorum: {"k": _maybe(1, limits.WITNESSES), "n": _maybe(1, limits.WITNESSES)},
    directory.MemberRecord: {
        "id": _MEMBER,
        "name": _one(1, limits.DISPLAY_NAME),
        "country": _maybe(2, form=_COUNTRY),
        "role": _CODE,
        "status": _CODE,
        "keys": _some(1, limits.SIGNING_KEYS, 1, _KEY_RECORD),
        "certificates": _CERTIFICATES,
        "phone": _maybe(1, limits.PHONE),
        "policy": _POLICY,
        "board_keys": _some(0, limits.SIGNATURES, 1, _KEY_RECORD),
        "board_threshold": _maybe(1, limits.SIGNATURES),
    },
    directory.PolicyRule: {"act": _CODE, "persons": _one(1, 2)},
    directory.DirectoryBundle: {
        "statement": _one(1, limits.STATEMENT),
        "members": _some(0, limits.MEMBERS, 1, limits.MEMBER_RECORD),
    },
    directory.MemberCard: {"member": Bound(1, limits.MEMBER_RECORD, 1, 1, directory.MemberRecord)},
    directory.RelayCard: {"relay": _one(1, limits.RELAY_RECORD), "log_key": _one(1, _KEY_RECORD)},
}

_EVIDENCE: Final[dict[type[Message], dict[str, Bound]]] = {
    log.Receipt: {"index": _COUNT, "proof": _PROOF, "checkpoint": _one(1, limits.NOTE)},
    evidence.EvidenceBegin: {"format": _one(1, _ANY), "network_id": _ID},
    evidence.EvidenceAnchor: {"note": _ANCHOR},
    evidence.EvidenceDirectory: {
        "bundle": _one(1, limits.DIRECTORY_BUNDLE),
        "index": _INDEX,
        "proof": _PROOF,
    },
    evidence.EvidenceStatement: {"statement": _one(1, limits.STATEMENT), "index": _COUNT, "proof": _PROOF},
    evidence.EvidenceFork: {"older": _ANCHOR, "newer": _ANCHOR, "root": _NO_ID, "proof": _PROOF},
    evidence.EvidenceDisclosure: {
        "header_id": _ID,
        "stream": _maybe(1, limits.STREAMS - 1),
        "secret": _ID,
    },
    evidence.EvidenceEnd: {"records": _COUNT},
}

FIELDS: Final = MappingProxyType(
    {
        message.DESCRIPTOR.full_name: MappingProxyType(bounds)
        for table in (_BODIES, _MESSAGES, _DIRECTORY, _EVIDENCE)
        for message, bounds in table.items()
    }
)
