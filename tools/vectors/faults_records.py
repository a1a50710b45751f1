"""Faults of member records, keys and their lives, witnesses and quorums (SPEC 3.2, 8.1, 8.3)."""

from mce_exchange import limits
from mce_exchange.log import merkle
from mce_exchange.primitives.verify import sha256
from tools.vectors import raw
from tools.vectors.directory_base import MEMBERS, Base, Version, fault
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault, Faults
from tools.vectors.world import COSIGNERS, seed

IDENTITY = b"\1" + bytes(31)
SMALL_ORDER = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
P = 2**255 - 19


def members(base: Base) -> Faults:
    """The records and what commits to them."""
    good = base.second

    def made(name: str, says: str, version: Version, cause: str = "context") -> Fault:
        return fault(f"members-{name}", cause, "8.1", says, base.next(version))

    records = list(good.members)
    be = MEMBERS.index("be")
    yield made(
        "root-of-others", "the root is of other records", good.with_body(raw.put(8, seed("another root")))
    )
    changed = raw.change(records[be], (), raw.put(2, b"Synthetic other"))
    swapped = [*records[:be], changed, *records[be + 1 :]]
    yield made("record-changed", "a record that the root does not hold", Version(good.body, tuple(swapped)))
    yield made("record-missing", "a record too few", Version(good.body, tuple(records[:-1])))
    more = raw.change(records[-1], (), raw.put(1, b"zz"))
    yield made("record-too-many", "a record too many", Version(good.body, (*records, more)))
    yield made("of-version-1", "the records of the version before", Version(good.body, base.first.members))
    yield made(
        "descending",
        "records that do not ascend by id",
        good.with_members([records[1], records[0], *records[2:]]),
    )
    yield made("one-twice", "one record twice", good.with_members([*records, records[-1]]))
    yield made("number-wrong", "another number of records", good.with_body(raw.put(9, 6)))
    bare = merkle.root(list(map(sha256, records)))
    yield made(
        "root-without-prefix", "leaves hashed without their 0 byte", good.with_members(records, root=bare)
    )
    yield made(
        "one-forgotten",
        "a member of the version before is left out",
        good.with_members([*records[:be], *records[be + 1 :]]),
    )
    renamed = raw.put(1, b"federation")
    late = [
        one if n != MEMBERS.index("fr") else raw.change(one, (), renamed) for n, one in enumerate(records)
    ]
    late.sort(key=lambda one: raw.value(one, (1, 0)))
    yield made("named-federation", "a member with the roots' name", good.with_members(late))
    ids = good.with_body(raw.put(1, b"fr"), (11, 0))
    yield made("id-of-a-relay", "a relay and a member with one id", ids)
    for name, id_ in (
        ("capital", b"Fr"),
        ("space", b"f r"),
        ("slash", b"f/r"),
        ("accent", "fré".encode()),
        ("dot-first", b".fr"),
    ):
        version = good.with_member("fr", raw.put(1, id_))
        yield made(f"id-with-{name}", "an id with letters that may not stand there", version, "malformed")
    country = good.with_member("fr", raw.put(3, b"fr"))
    yield made("country-in-small-letters", "a country that is no code", country, "malformed")
    policy = good.with_member("be", raw.again(9))
    yield made("policy-twice", "two rules for one act", policy, "malformed")
    board = good.with_member("be", raw.put(11, 1))
    yield made("board-threshold-alone", "a threshold without a board", board)
    left = good.with_member("fr", raw.put(5, 3))
    yield made("left-with-keys", "a member that left with living keys", left)
    door = raw.value(records[be], (7, 0))
    yield made(
        "certificate-of-another",
        "one certificate under two members",
        good.with_member("fr", raw.put(7, door)),
    )


def keys(base: Base) -> Faults:
    """Signing keys, and where they stand."""
    good = base.second
    records = good.members
    of_be = raw.value(records[MEMBERS.index("be")], (6, 0))

    def made(name: str, section: str, says: str, version: Version, cause: str = "context") -> Fault:
        return fault(f"key-{name}", cause, section, says, base.next(version))

    def fr_key(how: raw.Change) -> Version:
        return good.with_member("fr", how, (6, 0))

    mine = raw.change(of_be, (), raw.put(3, 2))
    yield made(
        "under-two-members", "8.2", "one key under two members", good.with_member("fr", raw.put(6, mine))
    )
    yield made("twice-in-one", "8.2", "one key twice under one member", good.with_member("fr", raw.again(6)))
    half = fr_key(raw.put(1, raw.value(of_be, (1, 0))))
    yield made("ed25519-of-another", "8.2", "an Ed25519 half that stands under another member", half)
    half = fr_key(raw.put(2, raw.value(of_be, (2, 0))))
    yield made("ml-dsa-of-another", "8.2", "an ML-DSA half that stands under another member", half)
    root = raw.change(raw.value(good.body, (6, 0)), (), raw.put(3, 2))
    yield made("of-a-root", "8.2", "a root's key under a member", good.with_member("fr", raw.put(6, root)))
    relay = raw.change(raw.value(good.body, (11, 0), (3, 0)), (), raw.put(3, 2))
    yield made("of-a-relay", "8.2", "a relay's key under a member", good.with_member("fr", raw.put(6, relay)))
    for name, says, point in (
        ("identity", "the identity as Ed25519 key", IDENTITY),
        ("small-order", "an Ed25519 key of small order", SMALL_ORDER),
        ("not-on-the-curve", "an Ed25519 key that is no point", b"\2" + bytes(31)),
        ("not-canonical", "an Ed25519 key that is not canonical", (P + 3).to_bytes(32, "little")),
    ):
        yield made(name, "3.2", says, fr_key(raw.put(1, point)), "malformed")
    yield made(
        "member-forgets-one",
        "8.3",
        "a key of the version before is left out",
        good.with_member("es", raw.drop(6, 1)),
    )
    yield made(
        "root-forgotten", "8.3", "a root of the version before is left out", good.with_body(raw.drop(6, 2))
    )
    yield made("relay-key-forgotten", "8.3", "a relay's key is left out", _relay_key(base))
    log = good.with_body(raw.drop(10, 0))
    yield made("log-key-forgotten", "8.3", "the log's first key is left out", log)
    yield made(
        "witness-forgotten", "8.3", "a witness is left out", _two_of_two(good.with_body(raw.drop(12, 2)))
    )
    yield made(
        "life-rewritten",
        "8.3",
        "an old key with a new beginning",
        good.with_member("es", raw.put(3, 2), (6, 0)),
    )
    yield made("life-backdated", "8.3", "a new key with an old beginning", fr_key(raw.put(3, 1)))
    yield made("life-missing", "8.3", "a key without a beginning", fr_key(raw.drop(3)))
    yield made(
        "life-ends-later",
        "8.3",
        "a key that ends with a version to come",
        good.with_member("es", raw.put(4, 3), (6, 0)),
    )
    yield made(
        "life-ended-earlier",
        "8.3",
        "a key that ended with the version before",
        good.with_member("es", raw.put(4, 1), (6, 0)),
    )
    yield made("life-of-one-version", "8.3", "a key that the version adds and removes", fr_key(raw.put(4, 2)))
    yield from _third(base)


def _relay_key(base: Base) -> Version:
    other = raw.value(base.second.members[MEMBERS.index("fr")], (6, 0))
    return base.second.with_body(raw.put(3, other), (11, 0))


def _two_of_two(version: Version) -> Version:
    return version.with_body(raw.put(2, 2), (13, 0))


def _third(base: Base) -> Faults:
    next_ = base.third()
    back, again = raw.drop(4), raw.put(4, 3)
    for name, says, version in (
        ("returns", "a key that version 2 removed lives again", next_.with_member("be", back, (6, 1))),
        ("ends-again", "a key that version 2 removed ends once more", next_.with_member("be", again, (6, 1))),
        ("root-returns", "a root that version 2 removed lives again", next_.with_body(back, (6, 2))),
    ):
        yield fault(f"key-{name}", "context", "8.3", says, base.next(version, number=3))


def log_and_witnesses(base: Base) -> Faults:
    """The log's key, the witnesses, the quorum."""
    good = base.second

    def made(name: str, says: str, version: Version, cause: str = "context") -> Fault:
        return fault(name, cause, "8.3", says, base.next(version))

    yield made("log-no-living-key", "no living log key", good.with_body(raw.drop(10, 1)))
    yield made("log-two-living-keys", "two living log keys", good.with_body(raw.drop(4), (10, 0)))
    yield made(
        "log-key-identity", "a log key that is the identity", good.with_body(raw.put(1, IDENTITY), (10, 1))
    )
    witness = COSIGNERS["witness-be"].public
    yield made(
        "log-key-of-a-witness",
        "a witness's Ed25519 half in the log's key",
        good.with_body(raw.put(1, witness.ed25519), (10, 1)),
    )
    yield made("quorum-of-half", "1 of 3: two quorums can differ", good.with_body(raw.put(1, 1), (13, 0)))
    yield made("quorum-above-n", "4 of 3", good.with_body(raw.put(1, 4), (13, 0)))
    yield made("quorum-of-fewer", "2 of 2, with three witnesses", _two_of_two(good))
    yield made("quorum-0-of-3", "0 of 3", good.with_body(raw.drop(1), (13, 0)))
    yield made("quorum-2-of-0", "2 of 0", good.with_body(raw.drop(2), (13, 0)))
    yield made("quorum-missing", "no quorum", good.with_body(raw.drop(13)), "malformed")
    yield made(
        "witness-of-one-name", "two witnesses of one name", good.with_body(raw.put(1, b"witness-be"), (12, 1))
    )
    yield made(
        "witness-of-one-member", "two witnesses of one member", good.with_body(raw.put(2, b"be"), (12, 1))
    )
    yield made("witness-of-nobody", "a witness of no member", good.with_body(raw.put(2, b"nobody"), (12, 1)))
    yield made(
        "witness-name-with-plus",
        "a name that a note cannot hold",
        good.with_body(raw.put(1, b"a+b"), (12, 1)),
        "malformed",
    )
    key = good.with_body(raw.put(3, SMALL_ORDER), (12, 1))
    yield made("witness-key-of-small-order", "a witness key of small order", key)
    yield made(
        "relay-forgotten",
        "the relay of the version before is replaced",
        good.with_body(raw.put(1, b"other"), (11, 0)),
    )
    yield made("relay-life-rewritten", "the relay begins again", good.with_body(raw.put(5, 2), (11, 0)))


def bounds(base: Base) -> Faults:
    """Each field of a Directory and its records above, below and without its bounds; not signed again."""
    good = base.second
    places = (
        ("Directory", "directory", ()),
        ("LogKey", "log-key", ((10, 0),)),
        ("RelayRecord", "relay", ((11, 0),)),
        ("WitnessKey", "witness", ((12, 0),)),
        ("Quorum", "quorum-field", ((13, 0),)),
        ("PolicyRule", "policy-rule", ((18, 0),)),
        ("SigningKey", "signing-key", ((6, 0),)),
    )
    for message, title, path in places:
        room = 3 * 1024 if message == "SigningKey" else 1 << 24
        for name, expect, says, how in variants(message, raw.value(good.body, *path), room=room):
            given = base.unsigned(good.with_body(how, *path))
            yield fault(f"{title}-{name}", expect, "10", f"{message}.{says}", given)
    for name, expect, says, how in variants("MemberRecord", raw.value(good.members[MEMBERS.index("be")])):
        given = base.unsigned(good.with_member("be", how))
        yield fault(f"member-{name}", expect, "10", f"MemberRecord.{says}", given)
    empty = good.with_body(raw.put(14, b""))
    says = "an index list that is there and empty"
    yield fault("directory-earlier-indices-empty", "malformed", "4.1", says, base.unsigned(empty))
    # What they hold is not looked at: their size is known before.
    heavy = Version(good.body, (*good.members, *[b"a" * limits.MEMBER_RECORD] * 112))
    says = "a Statement and records of more than 14 MiB together"
    yield fault("directory-above-the-cap", "limit", "8.1", says, base.unsigned(heavy))
    board = good.with_member("pt", raw.again(10, 15))
    says = "MemberRecord.board_keys stands 17 times"
    yield fault("member-board-keys-too-many", "limit", "10", says, base.unsigned(board))
    most = good.with_body(raw.put(14, bytes(limits.DIRECTORY_VERSIONS + 1)))
    says = "Directory.earlier_indices stands 4097 times"
    yield fault("directory-earlier-indices-too-many", "limit", "10", says, base.unsigned(most))
    above = good.with_body(raw.put(14, raw.varint(limits.TREE_SIZE + 1)))
    says = "Directory.earlier_indices is one above its bound"
    yield fault("directory-earlier-indices-too-large", "limit", "10", says, base.unsigned(above))
