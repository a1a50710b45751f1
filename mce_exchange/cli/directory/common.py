"""What the commands of the ceremony share: files, and how a Directory file is told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange import limits, wire
from mce_exchange.cli.common import Common, read_file
from mce_exchange.directory import compose, trust
from mce_exchange.directory.model import Directory, Member
from mce_exchange.directory.records import Bundle, RelayCard, decode_card, decode_witness
from mce_exchange.errors import DirectoryError, LimitError, MalformedError, UsageError
from mce_exchange.keyfile import replace_file
from mce_exchange.keys import PublicKey
from mce_exchange.log.anchor import WitnessKey
from mce_exchange.text import one_line
from mce_exchange.v1 import directory_pb2

_T = TypeVar("_T")
ROOT_LABEL: Final = b"mce-root"
Out = Annotated[Path, Parameter(help="The file to write.")]
File = Annotated[Path, Parameter(help="A Directory file.")]


def read(path: Path) -> bytes:
    """A file's bytes; `UsageError`."""
    return read_file(path, limits.DIRECTORY_BUNDLE)


def read_card(path: Path) -> Member:
    """A member's card, as `mce card --out` writes it; `UsageError` naming the file if it is none."""
    return _read_as(path, decode_card, "member's card")


def read_relay_card(path: Path) -> RelayCard:
    """A relay's card, as `mce-relay` writes it; likewise."""
    return _read_as(path, RelayCard.decode, "relay's card")


def read_witness(path: Path) -> WitnessKey:
    """A witness's card, as `mce witness key` writes it; likewise."""
    return _read_as(path, decode_witness, "witness's card")


def _read_as(path: Path, decode: Callable[[bytes], _T], what: str) -> _T:
    # A card is refused for its bytes here; who made it is compared by voice.
    data = read(path)
    try:
        return decode(data)
    except (MalformedError, LimitError) as error:
        raise UsageError(
            f"{path} is no {what}: {error}", remedy="give the file that its owner sent"
        ) from None


def read_public(path: Path) -> PublicKey:
    """The public half of a root key, as `mce directory root` writes it."""
    data = read(path)
    if len(data) != limits.ED25519_PUBLIC + limits.ML_DSA_65_PUBLIC:
        raise UsageError(f"{path} is not the public half of a key", remedy="give the file that ends in .pub")
    return PublicKey(data[: limits.ED25519_PUBLIC], data[limits.ED25519_PUBLIC :])


def key_id(text: str) -> bytes:
    """A key's id, whole: what the roots sign away is found by no first letters."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != limits.HASH:
        raise UsageError(
            f"{one_line(text)!r} is not a whole key id of {2 * limits.HASH} hex digits",
            remedy="give all of it, as `mce key list`, `mce directory show --json` or the root's sheet says",
        )
    return found


def chain(files: Sequence[Path], *, pinned: bytes) -> Directory:
    """The last of Directory files from version 1 on, each verified by the one before."""
    return trust.open_chain([Bundle.decode(read(path)) for path in files], network_id=pinned)


def written(common: Common, bundle: Bundle, out: Path | None, more: Sequence[str] = ()) -> int:
    """Write a Directory file, if a path is given, and say what it holds."""
    body, blocks = compose.body_of(bundle.statement)
    if out is not None:
        replace_file(out, bundle.encode())
    parsed = wire.parse(directory_pb2.Directory, body, cap=limits.STATEMENT_BODY)
    values: dict[str, object] = {
        "file": str(out) if out else None,
        "version": parsed.version,
        "signatures": [block.signer.hex() for block in blocks],
        "members": len(bundle.members),
        "changes": list(more),
    }
    lines = [
        f"version {parsed.version} of {one_line(parsed.name)}:"
        f" {len(bundle.members)} members, {len(blocks)} signatures"
    ]
    lines += [f"  {one_line(one)}" for one in more]
    if parsed.version == 1:
        fingerprint = trust.network_id_of(body)
        values |= {"fingerprint": fingerprint.hex(), "words": fingerprints.words(fingerprint)}
        lines.append(f"root fingerprint: {fingerprint.hex()}\n{fingerprints.words(fingerprint)}")
        try:
            trust.open_genesis(bundle, network_id=fingerprint)
            values["valid"] = True
            lines.append("signed by its threshold of roots")
        except DirectoryError as error:
            values["valid"] = False
            lines.append(one_line(str(error)))
    common.say(values, "\n".join(lines))
    return 0
