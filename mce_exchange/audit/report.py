"""What an evidence file shows, and nothing that it does not (SPEC section 12)."""

from dataclasses import asdict, dataclass, field
from typing import Any

from mce_exchange.audit.stages import ACCEPTED
from mce_exchange.directory.authority import Verdict
from mce_exchange.text import one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One verified Statement: what its author asserts, where it is logged, what the signature is worth."""

    index: int
    type: str
    author: str
    verdict: Verdict
    says: str
    header_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage that a message reached (SPEC section 12.4): the entry that proves it, whose word it is, what
    that word is worth now; `event` is the nearest of ETSI EN 319 522-1.
    """

    entry: int
    stage: str
    event: str
    author: str
    recipient: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message by its header: who to whom, when by the sender's clock, and what was answered.

    That it is here is the stage "accepted"; `steps` are those that followed, in log order.
    """

    header_id: str
    index: int
    sender: str
    verdict: Verdict
    created_minutes: int
    recipients: dict[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    stage: str = ACCEPTED.name
    event: str = ACCEPTED.event


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """The log's key has signed two notes, of these tree sizes, that cannot both be true."""

    older: int
    newer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """A stream that was opened: stream 0 is the payload; size in bytes and SHA-256 (hex) of its data."""

    header_id: str
    stream: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything verified "as of Directory version v, log size s"."""

    network_id: str
    network_name: str
    exercise: bool
    directory_version: int
    log_size: int
    time: int
    witnesses: str
    witnessed: bool
    statements: int
    messages: tuple[Message, ...] = ()
    facts: tuple[Fact, ...] = ()
    forks: tuple[Fork, ...] = ()
    disclosed: tuple[Disclosed, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; verdicts as their words."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person: plain text without anything that could act."""
        name = one_line(self.network_name) + (" (exercise)" if self.exercise else "")
        found = [
            f"network {self.network_id} {name}",
            f"as of Directory version {self.directory_version}, log size {self.log_size}; {self.witnesses}",
        ]
        if not self.witnessed:
            found.append("BELOW THE QUORUM: that the log holds this is the relay's word alone")
        for message in self.messages:
            found.append(
                f"message {message.header_id} from {message.sender}: {message.verdict}, entry {message.index}"
            )
            found += [f"  {member}: {status}" for member, status in message.recipients.items()]
        for fact in self.facts:
            found.append(f"entry {fact.index} {fact.type} by {fact.author}: {fact.verdict}, {fact.says}")
        for fork in self.forks:
            sizes = f"{fork.older} and {fork.newer} entries"
            found.append(f"FORK: the log's key has signed notes of {sizes} that cannot both be true")
        for one in self.disclosed:
            what = f"stream {one.stream} of message {one.header_id}"
            found.append(f"{what}, disclosed: {one.size} bytes, SHA-256 {one.sha256}")
        return found
