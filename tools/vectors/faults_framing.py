"""Faults of a Statement's framing and of its signatures (SPEC 3.2, 4.1, 4.3)."""

from mce_exchange import limits, statement
from mce_exchange.statement import Block, Statement
from tools.vectors import raw
from tools.vectors.envelope_base import Base
from tools.vectors.files import Fault, Faults, Written
from tools.vectors.world import SIGNERS, forge, signers

_HEAD = 1 + len("header") + 4
L = 2**252 + 27742317777372353535851937790883648493


def framing(base: Base) -> Faults:
    """Bytes that are no Statement."""
    good = base.sealed.statement
    whole, block = good.raw, good.raw[-limits.SIGNATURE_BLOCK :]
    front = whole[: -limits.SIGNATURE_BLOCK - 1]
    body = base.body
    length = len(body).to_bytes(4, "big")

    def fault(name: str, expect: str, says: str, data: bytes | Written) -> Fault:
        return Fault(
            name=f"framing-{name}", expect=expect, section="4.1", says=says, input={"statement": data}
        )

    long = "t" * (limits.TYPE_NAME + 1)
    yield fault("empty", "malformed", "no byte at all", b"")
    yield fault("type-alone", "malformed", "it ends after the type", whole[:7])
    yield fault("body-length-cut", "malformed", "it ends inside the length of the body", whole[:9])
    yield fault("body-cut", "malformed", "it ends inside the body", whole[:_HEAD] + body[:100])
    yield fault("no-count", "malformed", "it ends before the number of blocks", front)
    yield fault("no-block", "malformed", "the number of blocks is 0", front + b"\0")
    yield fault("block-missing", "malformed", "two blocks announced, one there", front + b"\x02" + block)
    yield fault("block-more", "malformed", "one block announced, two there", front + b"\x01" + block * 2)
    yield fault("byte-behind", "malformed", "a byte behind the last block", whole + b"\0")
    yield fault("last-byte-missing", "malformed", "the last block is a byte short", whole[:-1])
    none = b"\x06header" + bytes(4) + whole[11:]
    yield fault(
        "body-length-0", "malformed", "a body of no bytes, and its bytes in the place of blocks", none
    )
    yield fault("blocks-17", "limit", "17 blocks", front + b"\x11" + block * 17)
    cap = limits.STATEMENT_BODY
    over = (cap + 1).to_bytes(4, "big")
    yield fault(
        "body-above-the-cap",
        "limit",
        "a body one byte longer than the cap",
        Written(
            {
                "join": [
                    (b"\x06header" + over).hex(),
                    {"repeat": "00", "times": cap + 1},
                    (b"\x01" + block).hex(),
                ]
            }
        ),
    )
    yield fault(
        "type-of-33-bytes", "limit", "a type one byte longer than the cap", _typed(long, length, whole)
    )
    yield fault("type-empty", "suite", "a type of no bytes", b"\0" + whole[7:])
    yield fault(
        "type-unknown", "suite", "a type that this version does not have", _typed("headers", length, whole)
    )
    yield fault(
        "type-in-capitals", "suite", "the type written in another case", _typed("Header", length, whole)
    )
    yield fault("type-with-nul", "suite", "a zero byte behind the type", _typed("header\0", length, whole))
    yield fault("type-not-ascii", "suite", "a type that is no text", b"\x06\xffeader" + whole[7:])


def _typed(type_: str, length: bytes, whole: bytes) -> bytes:
    name = type_.encode()
    return bytes([len(name)]) + name + length + whole[_HEAD:]


def signatures(base: Base) -> Faults:
    """Blocks that do not count."""
    world, body = base.world, base.body
    good = base.sealed.statement.blocks[0]

    def fault(name: str, says: str, *blocks: Block, section: str = "4.3", over: bytes = body) -> Fault:
        data = Statement("header", over, blocks).raw
        return Fault(
            name=f"signature-{name}",
            expect="signature",
            section=section,
            says=says,
            input={"statement": data},
        )

    def blocks(
        *keys: str, over: bytes = body, type_: str = "header", network: bytes = b""
    ) -> tuple[Block, ...]:
        made = forge(type_, over, [SIGNERS[k] for k in keys], network_id=network or world.network_id)
        return made.blocks

    def flipped(data: bytes, at: int) -> bytes:
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    signer, ed, ml = good.signer, good.ed25519, good.ml_dsa_65
    yield fault(
        "ed25519-bit-flipped", "one bit of the Ed25519 half", Block(signer, flipped(ed, 5), ml), section="3.2"
    )
    yield fault(
        "ml-dsa-bit-flipped", "one bit of the ML-DSA half", Block(signer, ed, flipped(ml, 5)), section="3.2"
    )
    yield fault(
        "ed25519-zeros", "the Ed25519 half is missing: zeros", Block(signer, bytes(64), ml), section="3.2"
    )
    yield fault(
        "ml-dsa-zeros", "the ML-DSA half is missing: zeros", Block(signer, ed, bytes(3309)), section="3.2"
    )
    high = (int.from_bytes(ed[32:], "little") + L).to_bytes(32, "little")
    yield fault("ed25519-s-plus-l", "S is not below L", Block(signer, ed[:32] + high, ml), section="3.2")
    other = blocks("be-1", over=raw.change(body, (), raw.drop(2, 1)))[0]
    yield fault(
        "ed25519-of-another-body", "halves over two bodies", Block(signer, other.ed25519, ml), section="3.2"
    )
    yield fault(
        "ml-dsa-of-another-body", "halves over two bodies", Block(signer, ed, other.ml_dsa_65), section="3.2"
    )
    message = statement.signed_bytes(world.network_id, "header", signer, body)
    bare = SIGNERS["be-1"].sign(message, context=b"")[1]
    yield fault(
        "ml-dsa-without-context", "ML-DSA signs without the type as its context", Block(signer, ed, bare)
    )
    strange = SIGNERS["be-1"].sign(message, context=b"void")[1]
    yield fault(
        "ml-dsa-context-of-another-type", "ML-DSA's context is another type", Block(signer, ed, strange)
    )
    yield fault("for-another-type", "signed as a void", *blocks("be-1", type_="void"))
    yield fault("for-another-network", "signed for another network", *blocks("be-1", network=bytes(32)))
    second = SIGNERS["be-2"]
    as_first = second.sign(message, context=b"header")
    yield fault("for-another-key-id", "signed bytes name another key", Block(second.public.id, *as_first))
    yield fault(
        "key-id-of-another-member",
        "the block names a key that did not sign",
        Block(signers("es-1")[0], ed, ml),
    )
    yield fault("key-unknown", "by a key that no Directory has", *_by(base, "stranger"))
    yield fault("key-id-unknown", "the block names no known key", Block(bytes(32), ed, ml))
    yield fault("one-key-twice", "one key signs twice", good, good)
    twice = raw.change(body, ((1, 0),), raw.again(1))
    yield fault(
        "one-key-named-twice",
        "one key is named and signs twice",
        *blocks("be-1", "be-1", over=twice),
        over=twice,
    )
    two = raw.change(body, ((1, 0),), lambda fields: raw.again(1)(fields))
    two = raw.change(two, ((1, 0),), raw.put(1, signers("be-2")[0], 1))
    yield fault(
        "second-missing", "the body names two signers, one signs", *blocks("be-1", over=two), over=two
    )
    yield fault("second-too-many", "the body names one signer, two sign", *blocks("be-1", "be-2"))
    yield fault(
        "in-another-order",
        "signers in another order than the body's",
        *blocks("be-2", "be-1", over=two),
        over=two,
    )
    yield fault("by-another-than-named", "another key of the member than the body names", *blocks("be-2"))


def _by(base: Base, key: str) -> tuple[Block, ...]:
    body = raw.change(base.body, ((1, 0),), raw.put(1, signers(key)[0]))
    return forge("header", body, [SIGNERS[key]], network_id=base.world.network_id).blocks


def authority(base: Base) -> Faults:
    """Genuine signatures by those who may not."""

    def fault(
        name: str,
        says: str,
        *keys: str,
        expect: str = "signature",
        at: str = "",
        change: raw.Change | None = None,
        section: str = "4.3",
    ) -> Fault:
        body = base.body
        for place, key in enumerate(keys):
            body = raw.change(body, ((1, 0),), raw.put(1, signers(key)[0], place))
        if change:
            body = raw.change(body, ((1, 0),), change)
        given: dict[str, bytes | int] = {"statement": base.statement(body, *keys)}
        if at:
            given["index"] = base.world.entry(at)[0] + 1
        return Fault(name=f"authority-{name}", expect=expect, section=section, says=says, input=given)

    sender = raw.put
    yield fault("two-members", "two signers of two members", "be-1", "es-1")
    yield fault("a-relay", "a relay signs a header", "relay-1", change=sender(4, b"relay"))
    yield fault("a-root", "a root key signs a header", "root-1", change=sender(4, b"federation"))
    yield fault(
        "in-anothers-name", "the sender named is not the signer's member", "be-1", change=sender(4, b"audit")
    )
    yield fault(
        "an-auditor",
        "an auditor sends a case",
        "audit-1",
        change=sender(4, b"audit"),
        expect="context",
        section="4.2",
    )
    yield fault(
        "urgent-by-one",
        "urgent by one person, the policy asks for two",
        "be-1",
        change=sender(12, 1),
        section="8.1",
    )
    yield fault(
        "urgent-by-one-persons-two-keys",
        "urgent by two keys of the desk, the policy asks for two persons",
        "be-1",
        "be-2",
        change=sender(12, 1),
        section="8.1",
    )
    yield fault(
        "key-not-yet-there", "a key that a later version adds", "fr-1", change=sender(4, b"fr"), section="8.3"
    )
    yield fault("key-removed", "a key that a Directory has removed", "be-2", at="directory-2", section="8.3")
    yield fault(
        "key-revoked", "a key above its revocation", "es-2", change=_as("es"), at="revocation", section="8.4"
    )
    yield fault(
        "suspended", "a member above its suspension", "pt-1", change=_as("pt"), at="suspension", section="8.5"
    )


def _as(member: str) -> raw.Change:
    """Sent by another, to `be` in its place."""

    def how(fields: raw.Fields) -> raw.Fields:
        fields = raw.put(4, member.encode())(fields)
        place = next(
            nth for nth in range(2) if raw.value(raw.encode(fields), (5, nth), (1, 0)) == member.encode()
        )
        at = raw.position(fields, 5, place)
        changed = raw.change(raw.encode([fields[at]]), ((5, 0),), raw.put(1, b"be"))
        return [*fields[:at], *raw.parse(changed), *fields[at + 1 :]]

    return how
