"""The SPEC's example: one message with every byte that matters, checked so that it cannot rot.

Signatures by ML-DSA are hedged and wraps are random, so the artefacts were made once and stand in
tests/vectors/spec/example.json. This tool verifies and opens them with the library, computes what
follows from them, and writes (or with --check compares) the example in SPEC.md. `--make` makes new ones.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mce_exchange import header as headers
from mce_exchange import statement
from mce_exchange.directory import trust
from mce_exchange.directory.authority import authenticate
from mce_exchange.directory.compose import body_of
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.log import merkle
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_inclusion
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import To, open_content_key, open_payload, seal, seal_streams
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES, Federation

STORED = ROOT / "tests/vectors/spec/example.json"
SPEC = ROOT / "SPEC.md"
BEGIN, END = "<!-- example: begin -->\n", "<!-- example: end -->\n"


def make() -> dict[str, object]:
    """A federation of two, a message from be to pt, its acknowledgement, its log."""
    federation = Federation(("be", "pt"))
    be, pt = federation.people["be"], federation.people["pt"]
    prekey = federation.state.prekey("pt")
    assert prekey
    draft = seal_streams(sender="be", recipients=["pt"], content=b"synthetic content")
    to = To(member="pt", sequence=1, previous_id=b"", prekey_id=prekey.id, prekey=prekey.public_key)
    sealed = seal(
        draft,
        to=[to],
        network_id=federation.network_id,
        directory_version=1,
        directory_id=federation.state.directory.id,
        keys=[be.key],
        created_minutes=NOW_MINUTES,
    )
    index = federation.log(sealed.statement.raw)
    body = statement_pb2.Delivered(signers=[pt.key.public.id], member="pt")
    body.items.add(header_id=sealed.id, index=index)
    federation.log(federation.sign("delivered", body.SerializeToString(deterministic=True), pt.key).raw)
    return {
        "log": [raw.hex() for raw in federation.raw],
        "members": [record.hex() for record in federation.genesis.members],
        "wrap": sealed.wraps[0].hex(),
        "payload": sealed.payload.hex(),
        "pt_prekey_seed": pt.kem.seed.hex(),
        "checkpoint": federation.signed_checkpoint().decode(),
    }


def lines(stored: dict[str, object]) -> Iterator[str]:
    """Verify and open everything, and say what it is."""
    log = [bytes.fromhex(str(raw)) for raw in _list(stored["log"])]
    members = tuple(bytes.fromhex(str(raw)) for raw in _list(stored["members"]))
    genesis = Bundle(log[0], members)
    network_id = trust.network_id_of(body_of(log[0])[0])
    state = PublicState.genesis(genesis, network_id=network_id)
    yield 'network id (root fingerprint) = SHA-256("mce1-genesis\\0" || body of Directory 1)'
    yield f"  {network_id.hex()}"
    for index, raw in enumerate(log[1:3], start=1):
        state = state.after(raw, index=index)
    prekey = state.prekey("pt")
    assert prekey
    yield f"prekey of pt, log entry {prekey.index}: Statement id = prekey id"
    yield f"  {prekey.id.hex()}"
    raw = log[3]
    decoded = statement.decode(raw)
    signed = authenticate(decoded, state=state, index=3)
    header = headers.read_header(decoded.body)
    yield f"header Statement, {len(raw)} bytes, by {signed.author}"
    yield f'  {raw[:1].hex()} {raw[1:7].hex()}            u8 length of the type, "header"'
    yield f"  {raw[7:11].hex()}                   u32 length of the body: {len(decoded.body)}"
    yield from _body(decoded.body, header)
    yield f"  {len(decoded.blocks):02x}                         one block:"
    block = decoded.blocks[0]
    yield f"    {block.signer.hex()}  signer key id"
    yield f"    {block.ed25519[:16].hex()}...  Ed25519, 64 bytes"
    yield f"    {block.ml_dsa_65[:16].hex()}...  ML-DSA-65, 3,309 bytes"
    message = statement.signed_bytes(network_id, "header", block.signer, decoded.body)
    yield 'signed bytes = "mce1\\0" || network id || 06 "header" || signer key id || body'
    yield f"  {len(message)} bytes, SHA-256 {sha256(message).hex()}"
    yield 'header id = SHA-256("mce1-id\\0" || network id || 06 "header" || body)'
    yield f"  {decoded.id(network_id).hex()}"
    yield from _opened(stored, header, prekey.id)
    yield from _logged(stored, log, state)


def _body(body: bytes, header: headers.Header) -> Iterator[str]:
    core = header.core
    yield f"  0a {len(header.core_bytes):x} (varint)              core, {len(header.core_bytes)} bytes:"
    recipient = core.recipients[0]
    for name, value in (
        ("1  signers", core.signers[0].hex()),
        ("2  suite", "1"),
        ("3  message_ref", core.message_ref.hex()),
        ("4  sender", core.sender),
        ("5  recipient", f"{recipient.member}, sequence {recipient.sequence}, no previous id"),
        ("6  directory_version", str(core.directory_version)),
        ("7  directory_id", core.directory_id.hex()),
        ("8  stream 0 root", core.streams[0].root.hex()),
        ("8  stream 0 padded size", str(core.streams[0].padded_size)),
        ("8  stream 0 commitment", core.streams[0].commitment.hex()),
        ("9  created_minutes", str(core.created_minutes)),
        ("10 lifetime_seconds", str(core.lifetime_seconds)),
    ):
        yield f"     {name:24} {value}"
    yield "  12 ...                     wrap commitment of recipient 0:"
    yield f"     prekey_id                {header.wraps[0].prekey_id.hex()}"
    yield f"     digest                   {header.wraps[0].digest.hex()}"
    assert body == headers.encode_header(header.core_bytes, header.wraps)


def _opened(stored: dict[str, object], header: headers.Header, prekey_id: bytes) -> Iterator[str]:
    wrap, payload = bytes.fromhex(str(stored["wrap"])), bytes.fromhex(str(stored["payload"]))
    seed = bytes.fromhex(str(stored["pt_prekey_seed"]))
    info = headers.wrap_info(header.core_hash, 0, prekey_id)
    key = open_content_key(header, 0, wrap, KemKey(seed), prekey_id=prekey_id, digest=header.wraps[0].digest)
    opened = open_payload(header, key, payload)
    secret = stream_secret(key, header.core.message_ref, 0)
    stream_key, commitment = stream_keys(secret)
    yield 'wrap info = "mce1/wrap\\0" || SHA-256(core) || u16 recipient index || prekey id'
    yield f"  {info.hex()}"
    yield f"X-Wing seed of pt's prekey   {seed.hex()}"
    yield f"content key                  {key.hex()}"
    yield f"s_0                          {secret.hex()}"
    yield f"key_0                        {stream_key.hex()}"
    yield f"commitment_0                 {commitment.hex()}"
    yield f"payload, one chunk           {payload[:16].hex()}... {len(payload)} bytes"
    yield f"  opens to the content       {opened.content.decode()!r}"
    assert merkle.root([merkle.leaf_hash(payload)]) == header.core.streams[0].root


def _logged(stored: dict[str, object], log: list[bytes], state: PublicState) -> Iterator[str]:
    tree = merkle.Tree()
    for index, raw in enumerate(log):
        decoded = statement.decode(raw)
        entry = LogEntry(decoded.public, decoded.digest)
        tree.append(entry.leaf_hash)
        yield f"entry {index}, {decoded.type:9} {entry.encode().hex()}"
    acknowledged = authenticate(statement.decode(log[4]), state=state, index=4)
    yield f"entry 4 says: delivered to {acknowledged.author}, opened and valid there"
    note = str(stored["checkpoint"])
    directory = state.directory
    checkpoint = open_checkpoint(note.encode(), origin=directory.origin, key=directory.log_key(5))
    assert checkpoint.root == tree.root()
    proof = tree.inclusion_proof(3, 5)
    verify_inclusion(LogEntry(False, statement.decode(log[3]).digest).leaf_hash, 3, 5, checkpoint.root, proof)
    yield "inclusion of entry 3 in the tree of 5:"
    yield from (f"  {node.hex()}" for node in proof)
    yield "checkpoint:"
    yield from (f"  {line}".rstrip() for line in note.splitlines())


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def main() -> int:
    """Make, write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if SPEC.md differs")
    parser.add_argument("--make", action="store_true", help="make new artefacts first")
    arguments = parser.parse_args()
    if arguments.make:
        STORED.write_text(json.dumps(make(), indent=1) + "\n")
    example = "\n".join(lines(json.loads(STORED.read_text())))
    before, _, rest = SPEC.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}```text\n{example}\n```\n{END}{after}"
    if arguments.check:
        if text != SPEC.read_text():
            print("the example in SPEC.md is not what the library computes", file=sys.stderr)
            return 1
        return 0
    SPEC.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
