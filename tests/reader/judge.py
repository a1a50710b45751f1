"""What the reader makes of a vector: the values that it derives by their names in SPEC, or a refusal."""

from collections.abc import Callable, Mapping
from typing import Any

from . import authority, chain, evidence, framing, header, network, note, opening, primitives, streams, tree
from .framing import Statement, parse
from .network import Network
from .primitives import sha256
from .refusal import must
from .vectors import Vector, root_of
from .wire import Record, decode

Json = Any
Values = dict[str, Json]
Judge = Callable[[Mapping[str, Json], Network], Values]


def judge(vector: Vector) -> Values:
    """The values of a vector, or RefusalError."""
    return JUDGES[vector.kind](vector.input, network.read(root_of(vector.path)))


def _bytes(given: Mapping[str, Json], key: str) -> bytes:
    return bytes.fromhex(given[key])


def _hexes(values: list[bytes]) -> list[str]:
    return [value.hex() for value in values]


def _network(given: Mapping[str, Json], world: Network) -> Values:
    """Keys follow from their seeds, ids and leaves from the log's Statements."""
    keys: Values = {}
    for name, seeds in given["seeds"].items():
        if "x_wing" in seeds:
            keys[name] = {"public": primitives.x_wing_public(_bytes(seeds, "x_wing")).hex()}
        elif "ml_dsa_44" in seeds:
            both = (
                primitives.ed25519_public(_bytes(seeds, "ed25519")),
                primitives.ml_dsa_44_public(_bytes(seeds, "ml_dsa_44")),
            )
            keys[name] = {"ed25519": both[0].hex(), "ml_dsa_44": both[1].hex()}
        else:
            public = primitives.public_of_seeds(_bytes(seeds, "ed25519"), _bytes(seeds, "ml_dsa_65"))
            keys[name] = {
                "ed25519": public[0].hex(),
                "ml_dsa_65": public[1].hex(),
                "id": primitives.key_id(*public).hex(),
            }
    entries = [
        {
            "type": one.type,
            "class": one.log_class,
            "id": one.id(world.network_id).hex(),
            "entry": one.entry().hex(),
            "leaf_hash": tree.leaf_hash(one.entry()).hex(),
        }
        for one in world.entries
    ]
    leaves = [tree.leaf_hash(one.entry()) for one in world.entries]
    return {
        "network_id": sha256(b"mce1-genesis\0" + world.entries[0].body).hex(),
        "keys": keys,
        "entries": entries,
        "root": tree.root(leaves).hex(),
    }


def _directory(given: Mapping[str, Json], world: Network) -> Values:
    """A chain of versions from the genesis."""
    network_id = _bytes(given, "network_id")
    found: list[Values] = []
    current = None
    for _, one in sorted(given["versions"].items()):
        raw, members = _bytes(one, "statement"), [bytes.fromhex(record) for record in one["members"]]
        if current is None:
            current = chain.open_genesis(raw, members, network_id)
        else:
            current = chain.open_next(current, raw, members, one["index"])
        found.append(
            {
                "version": current.version,
                "id": current.id.hex(),
                "leaf_hashes": _hexes([tree.leaf_hash(record) for record in members]),
                "members_root": current.body.data("members_root").hex(),
                "signers": _hexes([block.key_id for block in current.statement.blocks]),
                "living_roots": sorted(_hexes(list(current.living_roots()))),
            }
        )
    return {"versions": found}


def _statement(given: Mapping[str, Json], world: Network) -> Values:
    """A private Statement at an index."""
    index = given["index"]
    signed = authority.authenticate(parse(_bytes(given, "statement")), world.before(index), index)
    return _said(signed, world)


def _said(signed: authority.Signed, world: Network) -> Values:
    one = signed.statement
    over = [one.signed(world.network_id, block.key_id) for block in one.blocks]
    return {
        "id": one.id(world.network_id).hex(),
        "author": signed.author,
        "verdict": signed.verdict,
        "signed_sha256": _hexes(list(map(sha256, over))),
    }


def _public(given: Mapping[str, Json], world: Network) -> Values:
    """A public Statement, and whether it fits the state at its index."""
    index = given["index"]
    state = world.before(index)
    raw = _bytes(given, "statement")
    state.after(raw, [], index)
    return _said(authority.authenticate(parse(raw), state, index), world)


def _envelope(given: Mapping[str, Json], world: Network) -> Values:
    """What a recipient does with a message."""
    index, state = given["index"], world.before(given["index"])
    statement = parse(_bytes(given, "statement"))
    must(statement.type == "header", "context", "not a header")
    signed = authority.authenticate(statement, state, index)
    read = header.read(statement.body)
    place = opening.place_of(read, given["recipient"])
    listed = read.wraps[place]
    prekey_id, digest, wrap = listed.data("prekey_id"), listed.data("digest"), _bytes(given, "wrap")
    if "re_wrap" in given:
        prekey_id, digest, wrap = _re_wrap(given["re_wrap"], world, statement, signed.author, place)
    seed = _bytes(given, "x_wing_seed")
    payload, attached = _bytes(given, "payload"), [bytes.fromhex(one) for one in given["attachments"]]
    opening.check_bytes(read, wrap, digest, payload)
    content_key = opening.unwrap(read, place, wrap, seed, prekey_id)
    opened = opening.open_message(read, content_key, payload, attached)
    info = header.wrap_info(read.core_bytes, place, prekey_id)
    secret = primitives.x_wing_secret(seed, wrap[: primitives.X_WING_ENC])
    key, nonce = primitives.hpke_key(secret, info)
    return {
        **_said(signed, world),
        "core": read.core_bytes.hex(),
        "core_hash": sha256(read.core_bytes).hex(),
        "recipient_index": place,
        "prekey_id": prekey_id.hex(),
        "info": info.hex(),
        "digest": sha256(wrap).hex(),
        "x_wing_shared_secret": secret.hex(),
        "hpke_key": key.hex(),
        "hpke_base_nonce": nonce.hex(),
        "content_key": content_key.hex(),
        "message_ref": read.core.data("message_ref").hex(),
        "streams": [_stream(number, opened, data) for number, data in enumerate([payload, *attached])],
        "payload": {
            "sender": opened.payload.text("sender"),
            "recipients": opened.payload.texts("recipients"),
            "content": opened.payload.data("content").hex(),
            "attachments": [_info(one) for one in opened.payload.records("attachments")],
        },
        "attachments_sha256": _hexes([sha256(one) for one in opened.attachments]),
    }


def _info(record: Record) -> Values:
    names = {name: record.text(name) for name in ("name", "media_type")}
    return {**names, "size": record.number("size")}


def _stream(number: int, opened: opening.Opened, sealed: bytes) -> Values:
    derived = streams.keys(opened.secrets[number])
    parts = list(streams.chunks(sealed))
    return {
        "s": derived.secret.hex(),
        "key": derived.key.hex(),
        "commitment": derived.commitment.hex(),
        "nonces": _hexes([streams.nonce(c, last=c == len(parts) - 1) for c in range(len(parts))]),
        "leaf_hashes": _hexes([tree.leaf_hash(part) for part in parts]),
        "root": streams.root(sealed).hex(),
    }


def _re_wrap(
    given: Mapping[str, Json], world: Network, message: Statement, sender: str, place: int
) -> tuple[bytes, bytes, bytes]:
    index = given["index"]
    signed = authority.authenticate(parse(_bytes(given, "statement")), world.before(index), index)
    must(signed.statement.type == "re-wrap", "context", "not a re-wrap")
    same = signed.body.data("header_id") == message.id(world.network_id)
    must(same, "context", "a re-wrap of another header")
    must(signed.author == sender, "context", "a re-wrap by another than the sender")
    must(signed.body.number("recipient_index") == place, "context", "a re-wrap for another place")
    return signed.body.data("prekey_id"), signed.body.data("wrap_digest"), _bytes(given, "wrap")


def _entry(given: Mapping[str, Json], world: Network) -> Values:
    """An entry and the Statement it is to be."""
    entry = _bytes(given, "entry")
    must(len(entry) == 34 and entry[0] == 1 and entry[1] < 2, "malformed", "another form than an entry's")
    must(entry == framing.parse(_bytes(given, "statement")).entry(), "log", "another Statement's entry")
    return {"class": entry[1], "digest": entry[2:].hex(), "leaf_hash": tree.leaf_hash(entry).hex()}


def _point(data: bytes, world: Network) -> note.Checkpoint:
    checkpoint = note.parse(data)
    key = world.state.directory.log_key(checkpoint.size)
    note.verify_log_line(checkpoint, world.origin, key.ed25519)
    return checkpoint


def _checkpoint(given: Mapping[str, Json], world: Network) -> Values:
    found = _point(_bytes(given, "note"), world)
    line = {"name": found.lines[0].name, "key_hash": found.lines[0].key_hash.hex()}
    return {"origin": found.origin, "size": found.size, "root": found.root.hex(), "line": line}


def _anchor(given: Mapping[str, Json], world: Network) -> Values:
    found = world.state.open_anchor(_bytes(given, "note"))
    return {
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "time": found.time,
        "witnesses": sorted(found.witnesses),
        "relays_clock": found.relay_clock,
        "key_hashes": _hexes([line.key_hash for line in found.checkpoint.lines]),
    }


def _receipt(given: Mapping[str, Json], world: Network) -> Values:
    record = decode("Receipt", _bytes(given, "receipt"))
    checkpoint = _point(record.data("checkpoint"), world)
    leaf = tree.leaf_hash(parse(_bytes(given, "statement")).entry())
    index, proof = record.number("index"), record.every("proof")
    tree.included(leaf, index, checkpoint.size, proof, checkpoint.root)
    return {"index": index, "size": checkpoint.size, "leaf_hash": leaf.hex(), "root": checkpoint.root.hex()}


def _consistency(given: Mapping[str, Json], world: Network) -> Values:
    older, newer = _point(_bytes(given, "older"), world), _point(_bytes(given, "newer"), world)
    if older.size == newer.size:
        must(older.root == newer.root, "fork", "two roots of one size")
    tree.extends(
        older.size, older.root, newer.size, newer.root, [bytes.fromhex(one) for one in given["proof"]]
    )
    return {"older": older.root.hex(), "newer": newer.root.hex()}


def _evidence(given: Mapping[str, Json], world: Network) -> Values:
    report = evidence.verify(_bytes(given, "file"), _bytes(given, "network_id"))
    return {
        "directory_version": report.directory_version,
        "log_size": report.log_size,
        "witnesses": sorted(report.witnesses),
        "relays_clock": report.relay_clock,
        "verdicts": {str(index): verdict for index, verdict in report.verdicts.items()},
        "answers": report.answers,
        "forks": [list(sizes) for sizes in report.forks],
        "disclosed": [
            {"header_id": one.header_id.hex(), "stream": one.stream, "sha256": sha256(one.data).hex()}
            for one in report.disclosed
        ],
    }


JUDGES: dict[str, Judge] = {
    "network": _network,
    "directory": _directory,
    "statement": _statement,
    "public": _public,
    "envelope": _envelope,
    "entry": _entry,
    "checkpoint": _checkpoint,
    "anchor": _anchor,
    "receipt": _receipt,
    "consistency": _consistency,
    "evidence": _evidence,
}
