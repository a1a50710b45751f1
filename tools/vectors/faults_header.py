"""Faults between a header's parts, and of its wraps (SPEC 5.1, 5.2, 5.3)."""

from mce_exchange import header
from mce_exchange.primitives import kem
from mce_exchange.primitives.verify import sha256
from tools.vectors import raw
from tools.vectors.envelope_base import Base
from tools.vectors.files import Fault, Faults, Input
from tools.vectors.world import CONTENT_KEY, PREKEYS, seed

KIB = 1024


def parts(base: Base) -> Faults:
    """Each part good by itself, and a contradiction between two."""

    def fault(
        name: str, expect: str, says: str, how: raw.Change, *path: tuple[int, int], section: str = "5.1"
    ) -> Fault:
        given = {"statement": base.with_core(how, *path)}
        return Fault(name=f"header-{name}", expect=expect, section=section, says=says, input=given)

    yield fault("suite-2", "suite", "a suite that does not exist", raw.put(2, 2), section="3")
    yield fault("suite-255", "suite", "a suite that does not exist", raw.put(2, 255), section="3")
    yield fault("recipient-twice", "context", "one member is two recipients", raw.put(1, b"es"), (5, 1))
    yield fault("to-its-sender", "context", "the sender is a recipient", raw.put(1, b"be"), (5, 1))
    previous = raw.put(3, seed("previous_id"))
    yield fault("previous-at-number-1", "context", "number 1 with a number before it", previous, (5, 0))
    yield fault("no-previous-above-1", "context", "number 2 without the one before", raw.drop(3), (5, 1))
    fewer = base.with_body(raw.drop(2, 1))
    yield Fault(
        name="header-wrap-missing",
        expect="context",
        section="5.1",
        says="two recipients, one wrap",
        input={"statement": fewer},
    )
    more = base.with_body(raw.again(2))
    yield Fault(
        name="header-wrap-too-many",
        expect="context",
        section="5.1",
        says="two recipients, three wraps",
        input={"statement": more},
    )
    other = {"statement": base.world.entry("void")[1].raw}
    says = "a Statement that is no header"
    yield Fault(name="header-is-a-void", expect="context", section="5.3", says=says, input=other)
    sizes = {
        "payload-of-8191": (0, 8 * KIB - 1),
        "payload-of-4-kib": (0, 4 * KIB),
        "payload-of-12-kib": (0, 12 * KIB),
        "attachment-of-32-kib": (1, 32 * KIB),
        "attachment-of-96-kib": (1, 96 * KIB),
        "attachment-between-padme-sizes": (1, 1024 * KIB + 1),
        "attachment-of-a-wrong-padme-size": (1, 1024 * KIB + 16 * KIB),
    }
    for name, (place, size) in sizes.items():
        says = f"{size} bytes are no padded size of this stream"
        yield fault(f"size-{name}", "malformed", says, raw.put(2, size), (8, place), section="6.3")
    says = "a payload of 2 MiB: a padded size, and above the payload's cap"
    yield fault("size-payload-of-2-mib", "malformed", says, raw.put(2, 2048 * KIB), (8, 0), section="6.3")


def wraps(base: Base) -> Faults:
    """The wrap of the recipient."""
    core = base.core
    good = base.sealed.wraps[0]
    prekey_id, prekey = base.prekey(0)
    info = header.wrap_info(sha256(core), 0, prekey_id)

    def fault(name: str, expect: str, says: str, **given: bytes | str) -> Fault:
        return Fault(name=f"wrap-{name}", expect=expect, section="5.2", says=says, input=given)

    def signed(name: str, says: str, wrap: bytes) -> Fault:
        listing = base.listing(core, [wrap, base.sealed.wraps[1]])
        return fault(name, "decryption", says, statement=base.statement(listing), wrap=wrap)

    def flipped(at: int) -> bytes:
        return good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]

    yield fault("not-a-recipient", "context", "opened by a member that is no recipient", recipient="audit")
    yield fault("enc-bit-flipped", "context", "a wrap that nobody signed", wrap=flipped(9))
    yield fault("tag-bit-flipped", "context", "a wrap that nobody signed", wrap=flipped(len(good) - 1))
    yield fault("of-another-recipient", "context", "another recipient's wrap", wrap=base.sealed.wraps[1])
    yield fault("cut", "context", "a wrap that is a byte short", wrap=good[:-1])
    yield fault("empty", "context", "no wrap", wrap=b"")
    again = kem.wrap(CONTENT_KEY, prekey, info)
    yield fault("made-again", "context", "the same key wrapped again, which nobody signed", wrap=again)
    yield signed("signed-enc-flipped", "a signed wrap whose ML-KEM part is damaged", flipped(9))
    yield signed("signed-x25519-flipped", "a signed wrap whose X25519 part is damaged", flipped(1088 + 9))
    yield signed("signed-tag-flipped", "a signed wrap whose tag is damaged", flipped(len(good) - 1))
    yield signed("signed-cut", "a signed wrap that is a byte short", good[:-1])
    yield signed("signed-longer", "a signed wrap with a byte behind", good + b"\0")
    zero = good[:1088] + bytes(32) + good[1120:]
    yield signed("x25519-of-low-order", "an ephemeral X25519 key that is 0", zero)
    swapped = good[1088:1120] + good[:1088] + good[1120:]
    yield signed("halves-swapped", "X25519 before ML-KEM", swapped)
    other = kem.wrap(CONTENT_KEY, PREKEYS["es-2"].public, info)
    yield signed("for-another-key", "wrapped to another key than the prekey named", other)
    for name, says, wrong in (
        ("info-of-another-place", "`info` of another place", header.wrap_info(sha256(core), 1, prekey_id)),
        (
            "info-of-another-core",
            "`info` of another core",
            header.wrap_info(sha256(core + b"\0"), 0, prekey_id),
        ),
        ("info-of-another-prekey", "`info` of another prekey", header.wrap_info(sha256(core), 0, bytes(32))),
        ("info-without-label", "`info` without its label", info[len(b"mce1/wrap\0") :]),
        ("info-empty", "no `info`", b""),
    ):
        yield signed(name, says, kem.wrap(CONTENT_KEY, prekey, wrong))
    stranger = kem.wrap(seed("another content key"), prekey, info)
    yield signed("of-another-content-key", "another content key than the others got", stranger)


def rewraps(base: Base) -> Faults:
    """The re-wrap for the recipient's other prekey; the base is the envelope opened by it."""
    world = base.world
    index, logged = world.entry("re-wrap")
    body = logged.statement.body
    prekey_id = world.state.prekeys["es"][1].id
    core_hash = base.sealed.header.core_hash

    def fault(name: str, expect: str, says: str, given: Input) -> Fault:
        return Fault(
            name=f"re-wrap-{name}", expect=expect, section="9.5", says=says, input={"re_wrap": given}
        )

    def signed(how: raw.Change, *keys: str) -> bytes:
        made = raw.change(body, (), how)
        return world.sign("re-wrap", made, *(keys or ("be-1",))).raw

    def wrapped(info: bytes, key: bytes = CONTENT_KEY) -> Input:
        wrap = kem.wrap(key, PREKEYS["es-2"].public, info)
        return {"index": index, "statement": signed(raw.put(5, sha256(wrap))), "wrap": wrap}

    good = {"index": index, "statement": logged.raw}
    void = {"statement": world.entry("void")[1].raw}
    yield fault("is-a-void", "context", "a Statement that is no re-wrap", void)
    wrap = base.sealed.wraps[0]
    yield fault("with-the-headers-wrap", "context", "the header's wrap in its place", {**good, "wrap": wrap})
    of_another = raw.put(2, seed("another header"))
    yield fault("of-another-header", "context", "it names another header", {"statement": signed(of_another)})
    yield fault(
        "of-another-place",
        "context",
        "it names another recipient's place",
        {"statement": signed(raw.put(3, 1))},
    )
    yield fault(
        "place-beyond",
        "context",
        "it names a place that the header lacks",
        {"statement": signed(raw.put(3, 2))},
    )
    by = raw.put(1, world.sign("re-wrap", b"", "pt-2").blocks[0].signer)
    yield fault(
        "by-a-recipient",
        "context",
        "it is signed by another than the sender",
        {"statement": signed(by, "pt-2")},
    )
    relay = raw.put(1, world.sign("re-wrap", b"", "relay-1").blocks[0].signer)
    yield fault(
        "by-the-relay", "signature", "it is signed by the relay", {"statement": signed(relay, "relay-1")}
    )
    yield fault(
        "info-of-another-place",
        "decryption",
        "`info` of another place",
        wrapped(header.wrap_info(core_hash, 1, prekey_id)),
    )
    first = base.prekey(0)[0]
    yield fault(
        "info-of-the-first-prekey",
        "decryption",
        "`info` of the header's prekey",
        wrapped(header.wrap_info(core_hash, 0, first)),
    )
    info = header.wrap_info(core_hash, 0, prekey_id)
    yield fault(
        "of-another-content-key",
        "decryption",
        "another content key",
        wrapped(info, seed("another content key")),
    )
