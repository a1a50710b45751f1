"""Every error this project raises, and whose fault it is (SPEC section 11).

    MceError
    ├── UsageError            the caller: a wrong argument, file or configuration
    ├── ProtocolError         the author of some bytes (a peer, unless said otherwise)
    │   ├── MalformedError    not the one encoding the SPEC allows
    │   ├── LimitError        a cap of `limits` exceeded
    │   ├── SuiteError        an unknown version or suite: never negotiated
    │   ├── SignatureError    a signature missing, wrong, repeated, or by the wrong key
    │   ├── ContextError      genuine bytes in the wrong place: network, type, recipient, number
    │   ├── DecryptionError   anything at all that went wrong while opening: one message
    │   └── CaseError         a case message breaks a rule of the case model
    ├── DirectoryError        the federation: version, chain, threshold, unknown member
    ├── LogError              the relay: a proof, checkpoint or receipt does not hold
    │   └── ForkError         the relay: two views of one log; keep the evidence
    ├── RefusedError          the relay answered with a typed refusal
    ├── TransportError        the network: nothing is known about the outcome, retry
    └── StoreError            our own disk, database or passphrase

No foreign exception leaves the public API. An error text holds ids and sizes, never content or keys.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who has to act on an error."""

    USAGE = "usage"
    PEER = "peer"
    RELAY = "relay"
    FEDERATION = "federation"
    TRANSPORT = "transport"
    STORE = "store"
    SOFTWARE = "this software"


class MceError(Exception):
    """Base of the tree: `code` is stable and machine-readable, `remedy` says what to do now.

    Itself it is a defect of this software, told by the name of what nobody foresaw.
    """

    code: ClassVar[str] = "error"
    default_fault: ClassVar[Fault] = Fault.SOFTWARE
    default_remedy: ClassVar[str] = "report this to the maintainers"

    def __init__(self, message: str, *, fault: Fault | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault or self.default_fault
        self.remedy = remedy or self.default_remedy


class UsageError(MceError):
    """The caller gave something that cannot be right; nothing was done."""

    code = "usage"
    default_fault = Fault.USAGE
    default_remedy = "correct the call and try again"


class ProtocolError(MceError):
    """Bytes that break the SPEC; they were refused and nothing stored was touched."""

    code = "protocol"
    default_fault = Fault.PEER
    default_remedy = "keep the bytes and tell their author; nothing was stored"


class MalformedError(ProtocolError):
    """Not the single encoding that the SPEC allows."""

    code = "malformed"


class LimitError(ProtocolError):
    """Longer, deeper or more numerous than the caps allow."""

    code = "limit"


class SuiteError(ProtocolError):
    """An unknown version, suite or algorithm. There is no fallback by design."""

    code = "suite"
    default_remedy = "update this software if the federation announced a new suite; else tell the author"


class SignatureError(ProtocolError):
    """A signature that is missing, wrong, repeated, stripped of a half, or by a key that may not sign."""

    code = "signature"


class ContextError(ProtocolError):
    """Genuine bytes used where they do not belong: other network, type, recipient, message or number."""

    code = "context"


class DecryptionError(ProtocolError):
    """Opening failed. One message for every cause, so that it is no oracle."""

    code = "decryption"

    def __init__(self) -> None:
        super().__init__(
            "the message cannot be opened", remedy="ask the sender, by telephone, to send it again"
        )


class CaseError(ProtocolError):
    """A case message breaks a rule of the case model; `rule` names it, `path` the field."""

    code = "case"

    def __init__(self, message: str, *, rule: str, path: str = "") -> None:
        super().__init__(message, remedy=f"correct {path or 'the message'} (rule {rule})")
        self.rule = rule
        self.path = path


class DirectoryError(MceError):
    """The Directory, or what somebody says stands in it, does not hold."""

    code = "directory"
    default_fault = Fault.FEDERATION
    default_remedy = "compare the Directory version with another member by telephone and tell the federation"


class LogError(MceError):
    """A proof, checkpoint or receipt of the log does not hold."""

    code = "log"
    default_fault = Fault.RELAY
    default_remedy = "do not rely on it; keep the bytes and tell the federation"


class ForkError(LogError):
    """Two signed views of one log that cannot both be true: proof of the relay's fault."""

    code = "fork"
    default_remedy = (
        "keep both checkpoints: together they prove the fault; tell the federation and the auditors"
    )

    def __init__(
        self, message: str, *, notes: tuple[bytes, bytes], root: bytes = b"", proof: Sequence[bytes] = ()
    ) -> None:
        """`root` and `proof`: what the newer tree has at the older's size, if they are of two sizes."""
        super().__init__(message)
        self.notes = notes
        self.root = root
        self.proof = tuple(proof)


class RefusedError(MceError):
    """The relay refused with the typed `reason` of relay.proto; its fault follows from the reason."""

    code = "refused"
    default_fault = Fault.PEER
    default_remedy = "see the reason"

    def __init__(
        self, message: str, *, reason: str, fault: Fault | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message, fault=fault, remedy=remedy)
        self.reason = reason


class TransportError(MceError):
    """Nothing is known about the outcome; sending the same bytes again is safe."""

    code = "transport"
    default_fault = Fault.TRANSPORT
    default_remedy = "check the network and the relay's address; it is retried by itself"


class StoreError(MceError):
    """Our own home, database or passphrase."""

    code = "store"
    default_fault = Fault.STORE
    default_remedy = "check the disk, the permissions and the passphrase of this home"
