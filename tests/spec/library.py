"""What the library makes of a vector: the same values as the reader, or its error's code."""

import contextlib
import functools
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mce_exchange import statement as statements
from mce_exchange import wire
from mce_exchange.audit.answers import NOT_SHOWN
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.directory import trust
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, DecryptionError, LogError, MceError
from mce_exchange.header import Header, Stream, read_header
from mce_exchange.keys import PrivateKey
from mce_exchange.log import merkle
from mce_exchange.log.checkpoint import Checkpoint, check_follows, open_checkpoint, read_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.note import parse as parse_note
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Opened, open_content_key, open_payload, open_stream, root_of
from mce_exchange.sealing.streams import SEALED_CHUNK
from mce_exchange.v1 import log_pb2, statement_pb2
from tests.reader.vectors import Vector, load
from tests.reader.vectors import root_of as folder_of

Json = Any
Values = dict[str, Json]


@dataclass(frozen=True)
class World:
    """The network of the vectors as the library follows it."""

    network_id: bytes
    entries: tuple[statements.Statement, ...]
    states: tuple[PublicState, ...]

    @property
    def state(self) -> PublicState:
        return self.states[-1]

    def before(self, index: int) -> PublicState:
        return self.states[min(index, len(self.states)) - 1]


@functools.cache
def world_of(folder: Path) -> World:
    given = load(folder / "network.json").input
    network_id = bytes.fromhex(given["network_id"])
    raws = [bytes.fromhex(one["statement"]) for one in given["log"]]
    members = [tuple(map(bytes.fromhex, one.get("members", []))) for one in given["log"]]
    states = [PublicState.genesis(Bundle(raws[0], members[0]), network_id=network_id)]
    entries = tuple(map(statements.decode, raws))
    for index, one in enumerate(entries[1:], 1):
        last = states[-1]
        states.append(last.skipped(index + 1))
        if one.public:
            # What does not count is passed over.
            with contextlib.suppress(MceError):
                states[-1] = last.after(raws[index], members=members[index], index=index)
    return World(network_id, entries, tuple(states))


def judge(vector: Vector) -> Values:
    """The values of a vector, or an MceError."""
    return JUDGES[vector.kind](vector.input, world_of(folder_of(vector.path)))


def _bytes(given: Mapping[str, Json], key: str) -> bytes:
    return bytes.fromhex(given[key])


def _hexes(values: Sequence[bytes]) -> list[str]:
    return [value.hex() for value in values]


def _network(given: Mapping[str, Json], world: World) -> Values:
    keys = {
        name: _keys({k: bytes.fromhex(v) for k, v in seeds.items()}) for name, seeds in given["seeds"].items()
    }
    leaves = [LogEntry(one.public, one.digest) for one in world.entries]
    return {
        "network_id": trust.network_id_of(world.entries[0].body).hex(),
        "keys": keys,
        "entries": [
            {
                "type": one.type,
                "class": int(one.public),
                "id": one.id(world.network_id).hex(),
                "entry": leaf.encode().hex(),
                "leaf_hash": leaf.leaf_hash.hex(),
            }
            for one, leaf in zip(world.entries, leaves, strict=True)
        ],
        "root": merkle.root([leaf.leaf_hash for leaf in leaves]).hex(),
    }


def _keys(seeds: Mapping[str, bytes]) -> Values:
    if "x_wing" in seeds:
        return {"public": KemKey(seeds["x_wing"]).public.hex()}
    if "ml_dsa_44" in seeds:
        both = Ed25519Key(seeds["ed25519"]).public, MlDsa44Key(seeds["ml_dsa_44"]).public
        return {"ed25519": both[0].hex(), "ml_dsa_44": both[1].hex()}
    public = PrivateKey.from_seed(seeds["ed25519"] + seeds["ml_dsa_65"]).public
    return {"ed25519": public.ed25519.hex(), "ml_dsa_65": public.ml_dsa_65.hex(), "id": public.id.hex()}


def _directory(given: Mapping[str, Json], world: World) -> Values:
    network_id = _bytes(given, "network_id")
    found: list[Values] = []
    current = None
    for _, one in sorted(given["versions"].items()):
        bundle = Bundle(_bytes(one, "statement"), tuple(map(bytes.fromhex, one["members"])))
        if current is None:
            current = trust.open_genesis(bundle, network_id=network_id)
        else:
            current = trust.open_next(current, bundle, index=one["index"])
        leaves = list(map(merkle.leaf_hash, bundle.members))
        found.append(
            {
                "version": current.version,
                "id": current.id.hex(),
                "leaf_hashes": _hexes(leaves),
                "members_root": merkle.root(leaves).hex(),
                "signers": _hexes(statements.decode(bundle.statement).signers),
                "living_roots": sorted(
                    key.public.id.hex() for key in current.root_keys if not key.life.removed
                ),
            }
        )
    return {"versions": found}


def _statement(given: Mapping[str, Json], world: World) -> Values:
    index = given["index"]
    decoded = statements.decode(_bytes(given, "statement"))
    return _said(authenticate(decoded, state=world.before(index), index=index), world)


def _said(signed: Signed, world: World) -> Values:
    one = signed.statement
    over = [statements.signed_bytes(world.network_id, one.type, key, one.body) for key in one.signers]
    return {
        "id": one.id(world.network_id).hex(),
        "author": signed.author,
        "verdict": str(signed.verdict),
        "signed_sha256": _hexes(list(map(sha256, over))),
    }


def _public(given: Mapping[str, Json], world: World) -> Values:
    index, raw = given["index"], _bytes(given, "statement")
    world.before(index).after(raw, index=index)
    return _said(authenticate(statements.decode(raw), state=world.before(index), index=index), world)


def _envelope(given: Mapping[str, Json], world: World) -> Values:
    index = given["index"]
    decoded = statements.decode(_bytes(given, "statement"))
    if decoded.type != statements.HEADER:
        raise ContextError("not a header")
    signed = authenticate(decoded, state=world.before(index), index=index)
    header = read_header(decoded)
    place = header.recipient_index(given["recipient"])
    wrap = _bytes(given, "wrap")
    prekey_id, digest = header.wraps[place].prekey_id, header.wraps[place].digest
    if "re_wrap" in given:
        body = _re_wrap(given["re_wrap"], world, signed, place)
        prekey_id, digest, wrap = body.prekey_id, body.wrap_digest, _bytes(given["re_wrap"], "wrap")
    key = KemKey(_bytes(given, "x_wing_seed"))
    content_key = open_content_key(header, place, wrap, key, prekey_id=prekey_id, digest=digest)
    payload = _bytes(given, "payload")
    opened = open_payload(header, content_key, payload)
    attached = [bytes.fromhex(one) for one in given["attachments"]]
    data = [_attachment(header, number, opened, sealed) for number, sealed in enumerate(attached, 1)]
    return {
        **_said(signed, world),
        "core": header.core_bytes.hex(),
        "core_hash": header.core_hash.hex(),
        "recipient_index": place,
        "prekey_id": prekey_id.hex(),
        "digest": sha256(wrap).hex(),
        "content_key": content_key.hex(),
        "message_ref": header.core.message_ref.hex(),
        "streams": [
            _stream(header, content_key, number, sealed) for number, sealed in enumerate([payload, *attached])
        ],
        "payload": {
            "sender": header.core.sender,
            "recipients": [one.member for one in header.core.recipients],
            "content": opened.content.hex(),
            "attachments": [
                {"name": one.name, "media_type": one.media_type, "size": one.size}
                for one in opened.attachments
            ],
        },
        "attachments_sha256": _hexes([sha256(one) for one in data]),
    }


def _attachment(header: Header, number: int, opened: Opened, sealed: bytes) -> bytes:
    stream = header.core.streams[number]
    if len(sealed) != stream.ciphertext_size or root_of(stream, io.BytesIO(sealed)) != stream.root:
        # As the node does it chunk by chunk: what does not hash to the root is never decrypted.
        raise DecryptionError
    data = b"".join(open_stream(opened.secrets[number], stream, io.BytesIO(sealed), payload=False))
    if len(data) != opened.attachments[number - 1].size:
        raise DecryptionError
    return data


def _stream(header: Header, content_key: bytes, number: int, sealed: bytes) -> Values:
    secret = stream_secret(content_key, header.core.message_ref, number)
    key, commitment = stream_keys(secret)
    stream: Stream = header.core.streams[number]
    parts = [sealed[at : at + SEALED_CHUNK] for at in range(0, len(sealed), SEALED_CHUNK)]
    return {
        "s": secret.hex(),
        "key": key.hex(),
        "commitment": commitment.hex(),
        "leaf_hashes": _hexes(list(map(merkle.leaf_hash, parts))),
        "root": root_of(stream, io.BytesIO(sealed)).hex(),
    }


def _re_wrap(given: Mapping[str, Json], world: World, message: Signed, place: int) -> statement_pb2.ReWrap:
    index = given["index"]
    signed = authenticate(
        statements.decode(_bytes(given, "statement")), state=world.before(index), index=index
    )
    body = signed.body
    # As the node's intake does it: anything else is nobody's re-wrap.
    if not isinstance(body, statement_pb2.ReWrap) or signed.author != message.author:
        raise ContextError("no re-wrap of the sender")
    if body.header_id != message.statement.id(world.network_id) or body.recipient_index != place:
        raise ContextError("a re-wrap of another message or place")
    return body


def _entry(given: Mapping[str, Json], world: World) -> Values:
    entry = LogEntry.decode(_bytes(given, "entry"))
    one = statements.decode(_bytes(given, "statement"))
    if entry != LogEntry(one.public, one.digest):
        # As `hotline.follow` does it with every Statement that comes with an entry.
        raise LogError("another Statement's entry")
    return {"class": int(entry.public), "digest": entry.digest.hex(), "leaf_hash": entry.leaf_hash.hex()}


def _point(note: bytes, world: World) -> Checkpoint:
    directory = world.state.directory
    key = directory.log_key(read_checkpoint(parse_note(note).text).size)
    return open_checkpoint(note, origin=directory.origin, key=key)


def _checkpoint(given: Mapping[str, Json], world: World) -> Values:
    note = _bytes(given, "note")
    found = _point(note, world)
    line = parse_note(note).signatures[0]
    return {
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "line": {"name": line.name, "key_hash": line.key_hash.hex()},
    }


def _anchor(given: Mapping[str, Json], world: World) -> Values:
    found = world.state.open_anchor(_bytes(given, "note"))
    return {
        "size": found.checkpoint.size,
        "root": found.checkpoint.root.hex(),
        "time": found.time,
        "witnesses": sorted(found.witnesses),
        "relays_clock": "relay's clock" in found.text,
        "key_hashes": _hexes([line.key_hash for line in parse_note(found.note).signatures]),
    }


def _receipt(given: Mapping[str, Json], world: World) -> Values:
    pb = wire.parse(log_pb2.Receipt, _bytes(given, "receipt"), cap=1 << 20)
    receipt = Receipt(index=pb.index, proof=tuple(pb.proof), checkpoint=pb.checkpoint)
    one = statements.decode(_bytes(given, "statement"))
    entry = LogEntry(one.public, one.digest)
    directory = world.state.directory
    key = directory.log_key(read_checkpoint(parse_note(pb.checkpoint).text).size)
    point = verify_receipt(receipt, entry, origin=directory.origin, key=key)
    return {
        "index": receipt.index,
        "size": point.size,
        "leaf_hash": entry.leaf_hash.hex(),
        "root": point.root.hex(),
    }


def _consistency(given: Mapping[str, Json], world: World) -> Values:
    notes = _bytes(given, "older"), _bytes(given, "newer")
    older, newer = (_point(note, world) for note in notes)
    check_follows(older, notes[0], newer, notes[1], [bytes.fromhex(one) for one in given["proof"]])
    return {"older": older.root.hex(), "newer": newer.root.hex()}


def _evidence(given: Mapping[str, Json], world: World) -> Values:
    report = verify_evidence(io.BytesIO(_bytes(given, "file")), network_id=_bytes(given, "network_id"))
    verdicts = {one.index: str(one.verdict) for one in report.messages}
    verdicts |= {one.index: str(one.verdict) for one in report.facts}
    answers = {
        one.header_id: {m: _answer(says) for m, says in one.recipients.items()} for one in report.messages
    }
    return {
        "directory_version": report.directory_version,
        "log_size": report.log_size,
        "relays_clock": "relay's clock" in report.witnesses,
        "verdicts": {str(index): verdicts[index] for index in sorted(verdicts)},
        "answers": answers,
        "forks": [[one.older, one.newer] for one in report.forks],
        "disclosed": [
            {"header_id": one.header_id, "stream": one.stream, "sha256": one.sha256}
            for one in report.disclosed
        ],
    }


def _answer(says: str) -> str:
    """The library's words as the vectors have them: `refused` with its code as a number."""
    if says == NOT_SHOWN:
        return "not shown"
    word, _, rest = says.partition(" ")
    if word != "refused":
        return word.removesuffix(",")
    words = rest.partition("(")[2].partition(")")[0]
    return f"refused {statement_pb2.RefusalCode.Value('REFUSAL_CODE_' + words.replace(' ', '_').upper())}"


JUDGES: dict[str, Callable[[Mapping[str, Json], World], Values]] = {
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
