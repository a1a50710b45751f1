"""The good vectors: everything in the network's log, and what stands under it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mce_exchange.audit.build import Disclosure, Piece, Views, build
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.stream import stream_secret
from mce_exchange.v1 import log_pb2
from tools.vectors import expression, raw
from tools.vectors.envelope_base import SEALED_CHUNK, Base
from tools.vectors.files import Good, shown
from tools.vectors.history import History
from tools.vectors.world import (
    CONTENT_KEY,
    COSIGNERS,
    MESSAGE_REF,
    PASSED_OVER,
    PREKEYS,
    SIGNERS,
    World,
    seed,
    signers,
)

FOLDER: Final = Path(__file__).resolve().parents[2] / "tests" / "vectors" / "mce1"
NETWORK: Final = "network"


def network(history: History) -> Good:
    """All keys and the whole log."""
    world = history.world
    seeds: dict[str, Any] = {
        name: {kind: seed(f"{name} {kind}") for kind in ("ed25519", "ml_dsa_65")} for name in SIGNERS
    }
    seeds |= {name: {kind: seed(f"{name} {kind}") for kind in ("ed25519", "ml_dsa_44")} for name in COSIGNERS}
    seeds |= {f"prekey-{name}": {"x_wing": seed(f"prekey {name}")} for name in PREKEYS}
    log = [
        {"name": one.name, "statement": one.raw, **({"members": list(one.members)} if one.members else {})}
        for one in world.entries
    ]
    given = {
        "network_id": world.network_id,
        "genesis_random": world.genesis_random,
        "seeds": seeds,
        "log": log,
    }
    return Good(name=NETWORK, kind="network", section="8, 9.3", says="the network: keys and log", input=given)


def known(world: World) -> Iterator[tuple[bytes, Any]]:
    """All Statements and records that network.json holds, and where."""
    for index, one in enumerate(world.entries):
        where = ["input", "log", index]
        yield one.raw, {"of": "network.json", "at": [*where, "statement"]}
        for at, record in enumerate(one.members):
            yield record, {"of": "network.json", "at": [*where, "members", at]}


def of_log(world: World, name: str) -> bytes:
    """An entry's bytes."""
    return world.entry(name)[1].raw


def goods(history: History) -> Iterator[Good]:
    """All but the network."""
    world = history.world
    yield from directories(history)
    for one in world.entries[1:]:
        if one.name not in ("header", "directory-2") and not one.name.startswith(PASSED_OVER):
            yield statement(world, one.name)
    yield by_two(history.envelope)
    yield from envelopes(history)
    yield from notes(world)
    yield evidence(world)
    yield from shown_in_part(history)


def directories(history: History) -> Iterator[Good]:
    """Genesis and successor; and another successor, which one root is enough for."""
    world = history.world
    versions: dict[str, Any] = {}
    for number, name in enumerate(("directory-1", "directory-2"), 1):
        index, one = world.entry(name)
        versions[str(number)] = {"index": index, "statement": one.raw, "members": list(one.members)}

    def good(name: str, says: str, given: Mapping[str, Any]) -> Good:
        made = {"network_id": world.network_id, "versions": given}
        return Good(name=name, kind="directory", section="8.2", says=says, input=made)

    yield good("directory", "a genesis and its successor", versions)
    yield good("directory-by-one", "a successor that one root has signed", history.directories.whole)


def statement(world: World, name: str) -> Good:
    """One Statement at its index."""
    index, one = world.entry(name)
    kind = "public" if one.statement.public else "statement"
    given = {"index": index, "statement": of_log(world, name)}
    return Good(name=name, kind=kind, section="4", says=f"a {one.statement.type} Statement", input=given)


def by_two(base: Base) -> Good:
    """An urgent header, as the policy of its sender asks for it."""
    body = base.body
    for place, key in enumerate(("be-1", "be-3")):
        body = raw.change(body, ((1, 0),), raw.put(1, signers(key)[0], place))
    body = raw.change(body, ((1, 0),), raw.put(12, 1))
    given = {"index": base.index, "statement": base.statement(body, "be-1", "be-3")}
    return Good(
        name="header-by-two", kind="statement", section="8.1", says="urgent, by two persons", input=given
    )


def envelopes(history: History) -> Iterator[Good]:
    """The message as each recipient opens it, and by the re-wrap."""
    world, base = history.world, history.envelope
    common = {
        "index": base.index,
        "statement": of_log(world, "header"),
        "payload": base.sealed.payload,
    }
    attachment = shown(base.attachment, base.whole_attachment.written.json)
    for place, (recipient, prekey) in enumerate((("es", "es-1"), ("pt", "pt-1"))):
        given = {
            **common,
            "recipient": recipient,
            "x_wing_seed": seed(f"prekey {prekey}"),
            "wrap": base.sealed.wraps[place],
            "attachments": [attachment],
        }
        says = f"a message to two recipients with an attachment, opened by {recipient}"
        yield Good(name=f"envelope-{recipient}", kind="envelope", section="5, 6, 7", says=says, input=given)
    given = {
        **common,
        "recipient": "es",
        "x_wing_seed": seed("prekey es-2"),
        "wrap": base.sealed.wraps[0],
        "attachments": [attachment],
        "re_wrap": {
            "index": world.entry("re-wrap")[0],
            "statement": of_log(world, "re-wrap"),
            "wrap": history.rewrap,
        },
    }
    yield Good(
        name="envelope-re-wrapped", kind="envelope", section="9.5", says="opened by a re-wrap", input=given
    )


def notes(world: World) -> Iterator[Good]:
    """Entries, checkpoints, anchors, receipts, proofs."""
    index, header = world.entry("header")
    size = index + 1

    def good(name: str, kind: str, says: str, **given: object) -> Good:
        return Good(name=name, kind=kind, section="9.3", says=says, input=given)

    entry = LogEntry(header.statement.public, header.statement.digest).encode()
    yield good("entry", "entry", "the header's entry", entry=entry, statement=of_log(world, "header"))
    of_prekey = world.entry("prekey-be-1")[1].statement
    public = LogEntry(of_prekey.public, of_prekey.digest).encode()
    yield good(
        "entry-public", "entry", "a prekey's entry", entry=public, statement=of_log(world, "prekey-be-1")
    )
    yield good("checkpoint", "checkpoint", "the log up to the header", note=world.checkpoint(size))
    yield good("checkpoint-rotated", "checkpoint", "by the log's second key", note=world.checkpoint())
    yield good("anchor", "anchor", "two of three witnesses, at two times", note=world.anchor(size))
    yield good(
        "anchor-by-one",
        "anchor",
        "below the quorum: it opens, and says so",
        note=world.anchor(size, witnesses={"pt": 9}),
    )
    yield good(
        "anchor-unwitnessed", "anchor", "no witness: the relay's clock", note=world.anchor(size, witnesses={})
    )
    receipt = log_pb2.Receipt(
        index=index, proof=world.tree.inclusion_proof(index, size + 4), checkpoint=world.checkpoint(size + 4)
    ).SerializeToString(deterministic=True)
    yield good("receipt", "receipt", "the header's", receipt=receipt, statement=of_log(world, "header"))
    proof = world.tree.consistency_proof(size, world.tree.size)
    yield good(
        "consistency",
        "consistency",
        "from the tree up to the header to the last one",
        older=world.checkpoint(size),
        newer=world.checkpoint(),
        proof=proof,
    )


def evidence(world: World) -> Good:
    """The whole log under its last anchor."""
    pieces = [Piece(index, one.raw, one.members) for index, one in enumerate(world.entries)]
    size = world.tree.size
    made = b"".join(
        build(pieces, network_id=world.network_id, tree=world.tree, anchor=world.anchor(), anchor_size=size)
    )
    given = {"network_id": world.network_id, "file": shown(made, _with_references(made, known(world)))}
    return Good(
        name="evidence", kind="evidence", section="12", says="the whole log under an anchor", input=given
    )


def shown_in_part(history: History) -> Iterator[Good]:
    """The header alone, and a stream of it disclosed; proof of a fork."""
    world, base = history.world, history.envelope
    # Version 2 changes the log's key and is not shown: an anchor of before.
    size = 12

    def good(name: str, says: str, **more: Any) -> Good:
        first = Piece(0, world.entries[0].raw, world.entries[0].members)
        made = b"".join(
            build(
                [first, Piece(base.index, base.sealed.statement.raw)],
                network_id=world.network_id,
                tree=world.tree,
                anchor=world.anchor(size),
                anchor_size=size,
                **more,
            )
        )
        known_ = [*known(world), *_chunks(history)]
        given = {"network_id": world.network_id, "file": shown(made, _with_references(made, known_))}
        return Good(name=f"evidence-{name}", kind="evidence", section="12", says=says, input=given)

    sealed = (base.sealed.payload, base.attachment)
    for stream, name in enumerate(("payload", "attachment")):
        secret = stream_secret(CONTENT_KEY, MESSAGE_REF, stream)
        parts = [sealed[stream][at : at + SEALED_CHUNK] for at in range(0, len(sealed[stream]), SEALED_CHUNK)]
        one = Disclosure(header_id=base.sealed.id, stream=stream, secret=secret, chunks=parts)
        yield good(name, f"a message, its {name} disclosed", disclosures=[one])
    point = world.point(6)
    other = Checkpoint(point.origin, point.size, seed("another root"))
    same = Views(older=world.checkpoint(6), newer=sign_checkpoint(other, COSIGNERS["log-1"].keys[0]))
    grown = Views(
        older=sign_checkpoint(other, COSIGNERS["log-1"].keys[0]),
        newer=world.checkpoint(12),
        root=point.root,
        proof=tuple(world.tree.consistency_proof(6, 12)),
    )
    yield good(
        "fork", "two roots of one size, and a tree that does not grow from another", forks=[same, grown]
    )


def _chunks(history: History) -> Iterator[tuple[bytes, Any]]:
    """The attachment's sealed chunks, as key, nonce and plaintext."""
    whole = history.envelope.whole_attachment
    made = whole.written.json["aead"]
    for chunk, sealed in zip(made["chunks"], whole.parts, strict=True):
        yield sealed, {"aead": {"key": made["key"], "chunks": [chunk]}}


def _with_references(made: bytes, known_: Iterable[tuple[bytes, Any]]) -> Any:
    """The file with what is written elsewhere, or shorter, left to it."""
    parts: list[Any] = []
    at = 0
    for data, written in known_:
        found = made.find(data, at)
        if found >= 0:
            parts += [expression.plain(made[at:found]), written]
            at = found + len(data)
    return {"join": [*parts, expression.plain(made[at:])]}


def with_values(good: Good, values: Mapping[str, Any]) -> Good:
    """The same, and what the library derives from it."""
    return replace(good, values=values)
