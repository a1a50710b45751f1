"""Faults of the chain of Directories and of their signatures (SPEC 8.2)."""

from dataclasses import replace

from mce_exchange.statement import Block, Statement
from tools.vectors import raw
from tools.vectors.directory_base import Base, Version, fault
from tools.vectors.files import Fault, Faults
from tools.vectors.world import seed


def chain(base: Base) -> Faults:
    """Versions that do not follow."""
    good = base.second
    at = base.index

    def next_(name: str, says: str, how: raw.Change, cause: str = "context") -> Fault:
        return fault(f"chain-{name}", cause, "8.2", says, base.next(good.with_body(how)))

    yield next_("version-1-again", "version 1 in the place of version 2", raw.put(1, 1))
    yield next_("version-3", "a version skipped", raw.put(1, 3))
    yield next_("version-4096", "a version far ahead", raw.put(1, 4096))
    yield next_("previous-missing", "no previous version", raw.drop(2))
    yield next_("previous-of-another", "it follows another Directory", raw.put(2, seed("another Directory")))
    yield next_(
        "genesis-random-again",
        "the genesis's random bytes in version 2",
        raw.put(3, base.world.genesis_random),
    )
    yield next_("earlier-indices-missing", "no index for version 1", raw.drop(14))
    yield next_("earlier-index-of-another", "another index for version 1", raw.put(14, b"\1"))
    yield next_("earlier-indices-too-many", "an index for version 2", raw.put(14, b"\0" + raw.varint(at)))
    yield next_("ends-before-it-begins", "it expires before it is issued", raw.put(16, 1))
    yield next_("ends-as-it-begins", "it expires as it is issued", _same_times(good))
    yield next_(
        "successor-without-an-end",
        "it names a successor and is not closed",
        raw.put(20, seed("another network")),
    )
    whole = base.whole
    for name, says, versions in (
        ("index-not-above", "logged at the index of the version before", {"2": {"index": 0}}),
        ("genesis-again", "the genesis in the place of its successor", {"2": {**whole["1"], "index": at}}),
        ("without-genesis", "it begins with version 2", {"1": {**whole["2"], "index": 0}}),
        ("not-a-directory", "a prekey in its place", {"2": {"statement": base.world.entries[1].raw}}),
    ):
        yield fault(f"chain-{name}", "context", "8.2", says, {"versions": versions})
    prekey = {"1": {"statement": base.world.entries[1].raw}}
    says = "a prekey in the genesis's place"
    yield fault("genesis-not-a-directory", "context", "8.2", says, {"versions": prekey})
    yield _closed(base)


def _closed(base: Base) -> Fault:
    last = base.second.with_body(raw.put(19, 1))
    id_ = Statement("directory", last.body, ()).id(base.world.network_id)
    after = base.third().with_body(raw.put(2, id_)).with_body(raw.put(19, 1))
    versions = {**base.next(last)["versions"], **base.next(after, number=3)["versions"]}
    says = "a version after the one that closed the log"
    return fault("chain-after-the-end", "context", "8.2", says, {"versions": versions})


def _same_times(version: Version) -> raw.Change:
    issued = next(field.value for field in raw.parse(version.body) if field.number == 15)
    return raw.put(16, issued)


def geneses(base: Base) -> Faults:
    """Version 1 that is none; each is the pinned one."""
    good = base.first

    def made(name: str, says: str, how: raw.Change, cause: str = "context") -> Fault:
        return fault(f"genesis-{name}", cause, "8.2", says, base.genesis(good.with_body(how)))

    yield made("version-2", "it says version 2", raw.put(1, 2))
    yield made("with-previous", "it follows another", raw.put(2, seed("another Directory")))
    yield made("without-random", "no random bytes", raw.drop(3))
    yield made("random-of-31-bytes", "a random byte short", raw.put(3, bytes(range(31))), "malformed")
    yield made("with-earlier-index", "an earlier version's index", raw.put(14, b"\0"))
    yield made("key-of-version-2", "a root key that a later version adds", _added(2))
    yield fault(
        "genesis-of-another-network",
        "context",
        "8.2",
        "not the pinned one",
        {"network_id": seed("another network")},
    )


def _added(version: int) -> raw.Change:
    return lambda fields: raw.parse(raw.change(raw.encode(fields), ((6, 0),), raw.put(3, version)))


def signatures(base: Base) -> Faults:
    """Below a threshold, or not a root's."""
    good, raised = base.second, base.raised
    first = base.signed[0]

    def made(name: str, says: str, *keys: str, version: Version = good) -> Fault:
        return fault(f"threshold-{name}", "signature", "8.2", says, base.next(version, *keys))

    def blocks(name: str, says: str, *given: Block, section: str = "8.2", version: Version = good) -> Fault:
        return fault(f"threshold-{name}", "signature", section, says, base.next(version, blocks=given))

    yield made("one-of-two", "one root, and the new version asks for two", "root-1", version=raised)
    again = base.blocks(raised.body)[0]
    yield blocks("one-root-twice", "one root's block twice for two", again, again, version=raised)
    yield made(
        "one-and-a-stranger", "one root and a key that is no root's", "root-1", "stranger", version=raised
    )
    yield made("by-a-stranger", "a key that nobody has", "stranger")
    yield made("by-a-member", "a member's key", "be-1")
    yield made("by-the-relay", "the relay's key", "relay-1")
    yield made("a-member-too-many", "a root, and a member's key beside it", "root-1", "be-1")
    yield made("new-root-alone", "only a root that this version adds", "root-4")
    yield made("removed-root-alone", "only a root that this version removes", "root-3")
    two = base.blocks(raised.body, "root-1", "root-2")
    yield blocks("descending", "blocks that descend by key id", two[1], two[0], version=raised)
    yield blocks(
        "ed25519-bit-flipped", "one bit of the Ed25519 half", _flipped(first, "ed25519"), section="3.2"
    )
    yield blocks(
        "ml-dsa-bit-flipped", "one bit of the ML-DSA half", _flipped(first, "ml_dsa_65"), section="3.2"
    )
    zeros = replace(first, ml_dsa_65=bytes(len(first.ml_dsa_65)))
    yield blocks("ml-dsa-zeros", "the ML-DSA half is missing: zeros", zeros, section="3.2")
    other = base.blocks(good.body, network=seed("another network"))
    yield blocks("for-another-network", "signed for another network", *other)
    typed = base.blocks(good.body, type_="revocation")
    yield blocks("for-another-type", "signed as a revocation", *typed)
    yield blocks("of-another-version", "version 1's block", *base.world.entries[0].statement.blocks)
    three = good.with_body(raw.put(7, 4))
    yield made("above-the-living", "a threshold of four with three living roots", version=three)


def _flipped(block: Block, half: str) -> Block:
    data: bytes = getattr(block, half)
    return replace(block, **{half: data[:7] + bytes([data[7] ^ 1]) + data[8:]})
