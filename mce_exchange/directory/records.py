"""Directory records between bytes and values. Every call reads linted bytes (SPEC section 8)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from mce_exchange import fields, limits, wire
from mce_exchange.directory.model import Act, Life, Member, Relay, Role, SigningKey, Status
from mce_exchange.errors import MalformedError
from mce_exchange.keys import PublicKey
from mce_exchange.log.anchor import WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.primitives import tls
from mce_exchange.v1 import directory_pb2, statement_pb2


@dataclass(frozen=True, slots=True)
class Bundle:
    """A Directory as it travels: the Statement's bytes and its member records, ascending by id."""

    statement: bytes
    members: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The bytes of a Directory file."""
        return directory_pb2.DirectoryBundle(
            statement=self.statement, members=self.members
        ).SerializeToString(deterministic=True)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The reverse; `MalformedError` or `LimitError`. Nothing in it is verified yet."""
        pb = wire.parse(directory_pb2.DirectoryBundle, data, cap=limits.DIRECTORY_BUNDLE)
        return cls(pb.statement, tuple(pb.members))


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayCard:
    """What a relay's operator hands to the federation."""

    relay: Relay
    log_key: LogKey

    def encode(self) -> bytes:
        """The bytes of a relay card file."""
        return directory_pb2.RelayCard(
            relay=relay_pb(self.relay),
            log_key=directory_pb2.LogKey(ed25519=self.log_key.ed25519, ml_dsa_44=self.log_key.ml_dsa_44),
        ).SerializeToString(deterministic=True)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The reverse; `MalformedError` or `LimitError`."""
        pb = wire.parse(directory_pb2.RelayCard, data, cap=2 * limits.RELAY_RECORD)
        _check_doors(pb.relay.certificates)
        return cls(
            relay=relay(pb.relay),
            log_key=_new_log_key(pb.log_key),
        )


def _new_log_key(pb: directory_pb2.LogKey) -> LogKey:
    if pb.added_version or pb.removed_version:
        raise MalformedError("a card says in which version its log key lives: the Directory says that")
    return LogKey(ed25519=pb.ed25519, ml_dsa_44=pb.ml_dsa_44)


def encode_witness(key: WitnessKey) -> bytes:
    """A witness's card: the keys that its member asks the federation to enter."""
    return directory_pb2.WitnessKey(
        name=key.name, member=key.member, ed25519=key.ed25519, ml_dsa_44=key.ml_dsa_44
    ).SerializeToString(deterministic=True)


def decode_witness(data: bytes) -> WitnessKey:
    """The reverse; `MalformedError` or `LimitError`."""
    pb = wire.parse(directory_pb2.WitnessKey, data, cap=limits.RELAY_RECORD)
    if pb.added_version or pb.removed_version:
        raise MalformedError("a card says in which version its witness lives: the Directory says that")
    return WitnessKey(pb.name, pb.member, pb.ed25519, pb.ml_dsa_44)


def encode_card(member_: Member) -> bytes:
    """A member card: the record that a member asks the federation to enter."""
    return directory_pb2.MemberCard(member=encode_member(member_)).SerializeToString(deterministic=True)


def decode_card(data: bytes) -> Member:
    """The reverse; `MalformedError` or `LimitError`."""
    member = decode_member(wire.parse(directory_pb2.MemberCard, data, cap=limits.MEMBER_RECORD + 16).member)
    _check_doors(member.certificates)
    return member


def _check_doors(certificates: Iterable[bytes]) -> None:
    # A card's certificates are looked into before a Directory takes them; a reader never does (SPEC 8.7).
    for certificate in certificates:
        tls.check_certificate(certificate)


def encode_member(value: Member) -> bytes:
    """A member record, as hashed into the Directory's `members_root`."""
    return directory_pb2.MemberRecord(
        id=value.id,
        name=value.name,
        country=value.country,
        role=directory_pb2.MemberRole.ValueType(value.role),
        status=directory_pb2.MemberStatus.ValueType(value.status),
        keys=map(signing_key_pb, value.keys),
        certificates=value.certificates,
        phone=value.phone,
        policy=policy_pb(value.policy),
        board_keys=map(signing_key_pb, value.board_keys),
        board_threshold=value.board_threshold,
    ).SerializeToString(deterministic=True)


def decode_member(data: bytes) -> Member:
    """The reverse; `MalformedError` or `LimitError`."""
    pb = wire.parse(directory_pb2.MemberRecord, data, cap=limits.MEMBER_RECORD)
    return Member(
        id=pb.id,
        name=pb.name,
        country=pb.country,
        role=Role(pb.role),
        status=Status(pb.status),
        keys=tuple(map(signing_key, pb.keys)),
        certificates=tuple(pb.certificates),
        phone=pb.phone,
        policy=policy(pb.policy),
        board_keys=tuple(map(signing_key, pb.board_keys)),
        board_threshold=pb.board_threshold,
    )


def name_is_plain(name: str) -> bool:
    """Ids are shown, logged and compared by people: no two of them may look alike."""
    return fields.MEMBER_ID.fullmatch(name.encode()) is not None


def signing_key(pb: statement_pb2.SigningKey) -> SigningKey:
    """An admissible key; `MalformedError` for one that is not."""
    return SigningKey(
        public=PublicKey(pb.ed25519, pb.ml_dsa_65),
        life=Life(added=pb.added_version, removed=pb.removed_version),
        label=pb.label,
    )


def signing_key_pb(key: SigningKey) -> statement_pb2.SigningKey:
    """The reverse."""
    return statement_pb2.SigningKey(
        ed25519=key.public.ed25519,
        ml_dsa_65=key.public.ml_dsa_65,
        added_version=key.life.added,
        removed_version=key.life.removed,
        label=key.label,
    )


def relay(pb: directory_pb2.RelayRecord) -> Relay:
    """A relay's record; `MalformedError` for a bad key."""
    return Relay(
        id=pb.id,
        address=pb.address,
        keys=tuple(map(signing_key, pb.keys)),
        certificates=tuple(pb.certificates),
        life=Life(added=pb.added_version, removed=pb.removed_version),
        tiles=pb.tiles,
    )


def relay_pb(value: Relay) -> directory_pb2.RelayRecord:
    """The reverse."""
    return directory_pb2.RelayRecord(
        id=value.id,
        address=value.address,
        keys=map(signing_key_pb, value.keys),
        certificates=value.certificates,
        added_version=value.life.added,
        removed_version=value.life.removed,
        tiles=value.tiles,
    )


def policy(rules: Iterable[directory_pb2.PolicyRule]) -> Mapping[Act, int]:
    """Acts and persons; `MalformedError` unless ascending by act, each once: a policy has one encoding."""
    found: dict[Act, int] = {}
    for rule in rules:
        if found and rule.act <= max(found):
            raise MalformedError(f"a policy rule for act {rule.act} that is not ascending")
        found[Act(rule.act)] = rule.persons
    return found


def policy_pb(rules: Mapping[Act, int]) -> list[directory_pb2.PolicyRule]:
    """The reverse, ascending by act."""
    return [
        directory_pb2.PolicyRule(act=directory_pb2.PolicyAct.ValueType(act), persons=persons)
        for act, persons in sorted(rules.items())
    ]
