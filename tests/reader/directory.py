"""One Directory version: its body, its member records, and the rules it must keep by itself (SPEC 8.1)."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import tree
from .anchor import LogKey, Witness
from .framing import Statement
from .primitives import admissible, key_id
from .refusal import RefusalError, must
from .schema import limit
from .wire import Record, decode

FEDERATION = "federation"
AUDITOR = 3
ACTIVE, LEFT = 1, 3


@dataclass(frozen=True)
class Key:
    """A signing key: who holds it, and its record."""

    kind: str
    holder: str
    record: Record

    @property
    def id(self) -> bytes:
        return key_id(*self.halves)

    @property
    def halves(self) -> tuple[bytes, bytes]:
        return self.record.data("ed25519"), self.record.data("ml_dsa_65")


@dataclass(frozen=True)
class Directory:
    """A version as read; `indices` are those of versions 1 to this one."""

    statement: Statement
    body: Record
    members: tuple[Record, ...]
    network_id: bytes
    indices: tuple[int, ...]
    quorums: tuple[tuple[int, int], ...]

    @property
    def version(self) -> int:
        return self.body.number("version")

    @property
    def id(self) -> bytes:
        return self.statement.id(self.network_id)

    @property
    def origin(self) -> str:
        return f"mce1/{self.network_id.hex()}"

    @functools.cached_property
    def keys(self) -> dict[bytes, Key]:
        """Every signing key by its id; one that stands twice is refused."""
        found: dict[bytes, Key] = {}
        for key in self._all_keys():
            must(key.id not in found, "context", f"key {key.id.hex()} stands twice")
            found[key.id] = key
        return found

    def _all_keys(self) -> Iterator[Key]:
        yield from (Key("root", FEDERATION, record) for record in self.body.records("root_keys"))
        for member in self.members:
            yield from (Key("member", member.text("id"), record) for record in member.records("keys"))
            yield from (Key("board", member.text("id"), record) for record in member.records("board_keys"))
        for relay in self.body.records("relays"):
            yield from (Key("relay", relay.text("id"), record) for record in relay.records("keys"))

    def living_roots(self) -> dict[bytes, Key]:
        """Those that this version does not say are removed."""
        return {k: v for k, v in self.keys.items() if v.kind == "root" and not removed(v.record)}

    def member(self, name: str) -> Record | None:
        return next((member for member in self.members if member.text("id") == name), None)

    def lives(self, record: Record, index: int) -> bool:
        """8.3."""
        return self.began(record, index) and not self.ended(record, index)

    def began(self, record: Record, index: int) -> bool:
        return self.indices[added(record) - 1] < index

    def ended(self, record: Record, index: int) -> bool:
        return bool(removed(record)) and index > self.indices[removed(record) - 1]

    def quorum_at(self, size: int) -> int:
        """8.1: *k* of the version in force at a tree size."""
        version = sum(index < size for index in self.indices)
        return self.quorums[max(version, 1) - 1][0]

    def log_key(self, size: int) -> LogKey:
        for record in self.body.records("log_keys"):
            if self.lives(record, size):
                return LogKey(record.data("ed25519"), record.data("ml_dsa_44"))
        raise RefusalError("directory", f"no log key for tree size {size}")

    def witnesses(self, size: int) -> list[Witness]:
        return [
            Witness(record.text("name"), record.data("ed25519"), record.data("ml_dsa_44"))
            for record in self.body.records("witnesses")
            if self.lives(record, size)
        ]

    def persons(self, member: Record, act: int) -> int:
        rules = self.body.records("default_policy") + member.records("policy")
        return max([1, *(rule.number("persons") for rule in rules if rule.number("act") == act)])


def added(record: Record) -> int:
    return record.number("added_version")


def removed(record: Record) -> int:
    return record.number("removed_version")


def read(
    statement: Statement,
    body: Record,
    members: Sequence[bytes],
    network_id: bytes,
    before: Directory | None,
    index: int,
) -> Directory:
    """8.1, and what 8.2 asks of what a version says; nothing is signed yet."""
    size = len(statement.raw) + sum(map(len, members))
    must(size <= limit("directory bundle"), "limit", f"{size} bytes with its records")
    earlier = before.indices if before else ()
    must(body.number("version") == len(earlier) + 1, "context", f"it says version {body.number('version')}")
    must(body.has("genesis_random") == (before is None), "context", "a genesis's random bytes")
    must(body.data("previous") == (before.id if before else b""), "context", "it follows another Directory")
    must(tuple(body.numbers("earlier_indices")) == earlier, "context", "other earlier indices")
    must(
        body.number("issued_minutes") < body.number("expires_minutes"), "context", "it ends before it begins"
    )
    must(body.has("closed") or not body.has("successor"), "context", "a successor of a log that goes on")
    records = tuple(decode("MemberRecord", data) for data in members)
    for record in records:
        _policy(record.records("policy"))
    ids = [record.text("id") for record in records]
    must(ids == sorted(set(ids)), "context", "member records that do not ascend by id")
    must(len(members) == body.number("members"), "context", "another number of member records")
    made = tree.root([tree.leaf_hash(data) for data in members])
    must(made == body.data("members_root"), "context", "other member records")
    _policy(body.records("default_policy"))
    relays = body.records("relays")
    names = [FEDERATION, *ids, *(relay.text("id") for relay in relays)]
    must(len(set(names)) == len(names), "context", "two of one id")
    doors = [der for one in (*records, *relays) for der in one.every("certificates")]
    must(len(set(doors)) == len(doors), "context", "a certificate stands twice")
    quorum = body.record("quorum")
    quorums = (*(before.quorums if before else ()), (quorum.number("k"), quorum.number("n")))
    directory = Directory(statement, body, records, network_id, (*earlier, index), quorums)
    _keys(directory)
    return directory


def _keys(directory: Directory) -> None:
    """8.1: all are admissible, and no half stands twice."""
    halves: list[bytes] = []
    for key in directory.keys.values():
        check_key(key.record)
        halves += key.halves
    for record in directory.body.records("log_keys") + directory.body.records("witnesses"):
        must(admissible(record.data("ed25519")), "context", "a log or witness key that is not admissible")
        halves += [record.data("ed25519"), record.data("ml_dsa_44")]
    must(len(set(halves)) == len(halves), "context", "a public key stands twice")


def check_key(record: Record) -> None:
    """3.2, admission; any 1,952 bytes are an ML-DSA-65 key."""
    must(admissible(record.data("ed25519")), "malformed", "an Ed25519 key that is not admissible")


def _policy(rules: Sequence[Record]) -> None:
    acts = [rule.number("act") for rule in rules]
    must(len(acts) == len(set(acts)), "malformed", "two rules for one act")


def named_lives(directory: Directory) -> dict[str, Record]:
    """Each thing with a life, under a name that stays its own."""
    found = {f"{key.kind} {key.holder} {key.id.hex()}": key.record for key in directory.keys.values()}
    found |= {f"relay {relay.text('id')}": relay for relay in directory.body.records("relays")}
    for kind in ("log_keys", "witnesses"):
        for record in directory.body.records(kind):
            found[f"{kind} {(record.data('ed25519') + record.data('ml_dsa_44')).hex()}"] = record
    return found
