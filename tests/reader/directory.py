"""One Directory version: its body, its member records, and the rules it must keep by itself (SPEC 8.1)."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from . import tree
from .anchor import LogKey, Witness
from .framing import Statement
from .primitives import ML_DSA_65_PUBLIC, admissible, key_id, sha256
from .refusal import RefusalError, must
from .wire import Record, decode

FEDERATION = "federation"
AUDITOR, ACTIVE = 3, 1


@dataclass(frozen=True)
class Key:
    """A signing key: who holds it, and its record."""

    kind: str
    holder: str
    record: Record

    @property
    def id(self) -> bytes:
        return key_id(self.record.data("ed25519"), self.record.data("ml_dsa_65"))


@dataclass(frozen=True)
class Directory:
    """A version as read; `indices` are those of versions 1 to this one."""

    statement: Statement
    body: Record
    members: tuple[Record, ...]
    network_id: bytes
    indices: tuple[int, ...]

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
        """Every signing key by its id; one under two holders is refused."""
        found: dict[bytes, Key] = {}
        for key in self._all_keys():
            other = found.setdefault(key.id, key)
            must(other is key, "context", f"key {key.id.hex()} stands twice")
        return found

    def _all_keys(self) -> Iterator[Key]:
        yield from (Key("root", FEDERATION, record) for record in self.body.records("root_keys"))
        for member in self.members:
            yield from (Key("member", member.text("id"), record) for record in member.records("keys"))
        for relay in self.body.records("relays"):
            yield from (Key("relay", relay.text("id"), record) for record in relay.records("keys"))

    def living_roots(self) -> dict[bytes, Key]:
        """Those that this version does not say are removed."""
        return {k: v for k, v in self.keys.items() if v.kind == "root" and not removed(v.record)}

    def member(self, name: str) -> Record | None:
        return next((member for member in self.members if member.text("id") == name), None)

    def lives(self, record: Record, index: int) -> bool:
        """8.3."""
        until = removed(record)
        return self.indices[added(record) - 1] < index and (not until or index <= self.indices[until - 1])

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
    statement: Statement, body: Record, members: Sequence[bytes], network_id: bytes, indices: tuple[int, ...]
) -> Directory:
    """8.1 and what 8.2 asks of a version alone; `body` has been decoded, nothing is signed yet."""
    genesis = body.number("version") == 1
    must(genesis == body.has("genesis_random") != body.has("previous"), "context", "a genesis's fields")
    must(body.number("version") == len(indices), "context", f"it says version {body.number('version')}")
    must(tuple(body.numbers("earlier_indices")) == indices[:-1], "context", "other earlier indices")
    must(
        body.number("issued_minutes") < body.number("expires_minutes"), "context", "it ends before it begins"
    )
    records = tuple(_member(data) for data in members)
    ids = [record.text("id") for record in records]
    must(ids == sorted(set(ids)), "context", "member records that do not ascend by id")
    must(len(members) == body.number("members"), "context", "another number of member records")
    made = tree.root([tree.leaf_hash(data) for data in members])
    must(made == body.data("members_root"), "context", "other member records")
    for relay in body.records("relays"):
        _named(relay)
        _keys(relay.records("keys"))
        _certificates(relay)
    ids += [relay.text("id") for relay in body.records("relays")]
    must(len(set(ids)) == len(ids), "context", "two of one id")
    must(FEDERATION not in ids, "context", "an id that names the roots")
    _keys(body.records("root_keys"))
    _policy(body.records("default_policy"))
    return Directory(statement, body, records, network_id, indices)


def _member(data: bytes) -> Record:
    record = decode("MemberRecord", data)
    _named(record)
    _keys(record.records("keys") + record.records("board_keys"))
    _certificates(record)
    _policy(record.records("policy"))
    return record


def _named(record: Record) -> None:
    must(re.fullmatch(r"[a-z0-9.-]+", record.text("id")) is not None, "malformed", "an id with other letters")


def _keys(records: Sequence[Record]) -> None:
    """3.2, admission."""
    for record in records:
        must(admissible(record.data("ed25519")), "malformed", "an Ed25519 key that is not admissible")
        must(len(record.data("ml_dsa_65")) == ML_DSA_65_PUBLIC, "malformed", "an ML-DSA-65 key")


def _certificates(record: Record) -> None:
    for der in record.every("certificates"):
        check_certificate(der)


def _policy(rules: Sequence[Record]) -> None:
    acts = [rule.number("act") for rule in rules]
    must(len(acts) == len(set(acts)), "malformed", "two rules for one act")


@functools.cache
def check_certificate(der: bytes) -> None:
    """8.7: self-signed, P-256, DER in its one form."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        public = certificate.public_key()
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        raise RefusalError("malformed", "not a self-signed certificate") from None
    p256 = isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    must(p256, "malformed", "a door's certificate has a P-256 key")
    must(certificate.public_bytes(Encoding.DER) == der, "malformed", "not canonical DER")


def named_lives(directory: Directory) -> dict[str, Record]:
    """Each thing with a life, under a name that stays its own; nothing stands twice."""
    found: dict[str, Record] = {}

    def put(name: str, record: Record) -> None:
        must(name not in found, "context", f"{name} stands twice")
        found[name] = record

    for key in directory.keys.values():
        put(f"{key.kind} {key.holder} key {key.id.hex()}", key.record)
    for member in directory.members:
        for record in member.records("board_keys"):
            put(f"board {member.text('id')} {sha256(record.data('ed25519')).hex()}", record)
    for relay in directory.body.records("relays"):
        put(f"relay {relay.text('id')}", relay)
    for kind in ("log_keys", "witnesses"):
        for record in directory.body.records(kind):
            put(f"{kind} {(record.data('ed25519') + record.data('ml_dsa_44')).hex()}", record)
    return found
