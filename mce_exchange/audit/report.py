"""What an evidence file shows, and nothing that it does not (SPEC section 12)."""

from dataclasses import asdict, dataclass, field
from typing import Any

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
class Message:
    """A message by its header: who to whom, when by the sender's clock, and what was answered."""

    header_id: str
    index: int
    sender: str
    verdict: Verdict
    created_minutes: int
    recipients: dict[str, str] = field(default_factory=dict)


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
    messages: tuple[Message, ...]
    facts: tuple[Fact, ...]

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
        for message in self.messages:
            found.append(
                f"message {message.header_id} from {message.sender}: {message.verdict}, entry {message.index}"
            )
            found += [f"  {member}: {status}" for member, status in message.recipients.items()]
        for fact in self.facts:
            found.append(f"entry {fact.index} {fact.type} by {fact.author}: {fact.verdict}, {fact.says}")
        return found
