"""`mce directory root|sheet`: a root key, and its holder's page; those of boards are made alike."""

import html
import io
from pathlib import Path
from typing import Annotated, Final

import segno
from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.directory.common import ROOT_LABEL, Out, read_public
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file, write_keyfile
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.vault import Cost

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{what} of {network}</title>
<style>
  body {{ font: 12pt/1.5 serif; max-width: 17cm; margin: 2cm auto }}
  code {{ font: 11pt/1.6 monospace; overflow-wrap: anywhere }}
  svg {{ width: 5cm; height: 5cm }}
  dt {{ font-weight: bold; margin-top: .6em }}
</style>
<h1>{what} of {network}</h1>
<p>Held by {holder}. Keep this page, the key file and its passphrase in three places.</p>
{parts}
<p>This page is no secret. Before you sign, compare what the screen shows with it. Whoever asks you to sign
in a hurry is a reason to telephone the others.</p>
</html>
"""


def root(
    *,
    out: Out,
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make a root key, sealed by a passphrase, and its public half beside it (OUT.pub).

    Example: mce directory root --out root1.key
    """
    return key_made(common, secret, out, "root key", label=ROOT_LABEL, quick=quick)


def key_made(common: Common, secret: Secret, out: Path, what: str, *, label: bytes, quick: bool) -> int:
    """Make a key that signs by files, and say what it is. `label` binds the file to its kind."""
    if out.exists():
        raise UsageError(f"{out} exists: a {what} is never overwritten")
    passphrase = secret.read(f"the {what} {out}", confirm=True)
    id_ = make_key(out, passphrase, label=label, cost=Cost.INTERACTIVE if quick else Cost.MODERATE)
    public = public_path(out)
    common.say(
        {"key_id": id_.hex(), "words": fingerprints.words(id_), "public": str(public)},
        f"Made {out}. Its id: {id_.hex()}\n{fingerprints.words(id_)}",
    )
    return 0


def make_key(out: Path, passphrase: str, *, label: bytes, cost: Cost) -> bytes:
    """Write a new key and its public half; the key's id."""
    key = PrivateKey.generate()
    write_keyfile(out, key.seed, passphrase, label=label, cost=cost)
    replace_file(public_path(out), key.public.ed25519 + key.public.ml_dsa_65)
    return key.public.id


def public_path(out: Path) -> Path:
    """Where the public half of a key file stands."""
    return out.with_name(out.name + ".pub")


def sheet(
    key: Annotated[Path, Parameter(help="The public half of a root key: a file that ends in .pub.")],
    *,
    holder: Annotated[str, Parameter(help="Who holds it.")],
    network: Annotated[str, Parameter(help="The network's name.")],
    fingerprint: Annotated[str, Parameter(help="The root fingerprint, once there is one.")] = "",
    out: Out,
    common: Common = COMMON,
) -> int:
    """Write the page that a root's holder prints and keeps: id, words and QR. It holds no secret.

    Example: mce directory sheet root1.key.pub --holder "Board member 1" --network Exercise --out root1.html
    """
    return sheet_written(common, key, "Root key", holder, network, fingerprint, out)


def sheet_written(
    common: Common, key: Path, what: str, holder: str, network: str, fingerprint: str, out: Path
) -> int:
    """Write a holder's page; `network` is whose key it is."""
    id_ = read_public(key).id
    parts = _part("Key id", id_)
    if fingerprint:
        parts += _part("Root fingerprint of the network", fingerprints.read_fingerprint(fingerprint))
    page = _PAGE.format(what=what, network=html.escape(network), holder=html.escape(holder), parts=parts)
    replace_file(out, page.encode())
    common.say(
        {"file": str(out), "key_id": id_.hex(), "words": fingerprints.words(id_)},
        f"Wrote {out} for key {id_.hex()}: print it.",
    )
    return 0


def _part(title: str, value: bytes) -> str:
    drawn = io.BytesIO()
    segno.make(value.hex(), error="m").save(drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True)
    return (
        f"<h2>{title}</h2>\n<dl><dt>Hex<dd><code>{value.hex(' ', 4)}</code>"
        f"<dt>Words<dd><code>{fingerprints.words(value)}</code></dl>\n{drawn.getvalue().decode()}"
    )
