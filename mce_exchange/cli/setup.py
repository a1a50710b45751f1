"""`mce init`, `mce card`, `mce join`: from nothing to a member of a network."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange import limits
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, read_file
from mce_exchange.cli.home import open_home
from mce_exchange.client import joining
from mce_exchange.directory.records import decode_card
from mce_exchange.errors import UsageError
from mce_exchange.keyfile import replace_file
from mce_exchange.primitives.vault import Cost
from mce_exchange.primitives.verify import sha256
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.text import one_line


def init(
    *,
    member: Annotated[str, Parameter(help="This hotline's id: a-z, 0-9, dots and hyphens.")],
    name: Annotated[str, Parameter(help="Its name for people.")],
    country: Annotated[str, Parameter(help="ISO 3166-1 alpha-2.")] = "",
    phone: Annotated[str, Parameter(help="For the person who has to be telephoned, with country code.")] = "",
    role: Annotated[joining.RoleName, Parameter(help="What it is for.")] = "hotline",
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make keys and a home.

    Example: mce init --home be --member hotline.be.example --name "Synthetic hotline BE" --country BE
    """
    # Before there is a home: one that cannot be entered would have to be thrown away again.
    made = joining.new_member(member=member, name=name, country=country, phone=phone, role=role)
    passphrase = secret.read(f"the new home {common.home}", confirm=True)
    home = Home.create(common.home, passphrase, cost=Cost.INTERACTIVE if quick else Cost.MODERATE)
    try:
        made.move_in(home)
    finally:
        home.close()
    text = f"Made {common.home}. Keep its passphrase, and a backup of it: mce backup. Next: mce card"
    common.say({"home": str(common.home), "member": member}, text)
    return 0


def card(
    *,
    out: Annotated[Path | None, Parameter(help="Also write the card to this file.")] = None,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Print this member's card: its fingerprint as words and QR, to be compared by voice.

    Example: mce card --home be --out be.card
    """
    with open_home(common, secret) as home:
        data = home.settings.get(settings.CARD)
        member = home.settings.text(settings.MEMBER)
    if out is not None:
        replace_file(out, data)
    digest = sha256(data)
    words = fingerprints.words(digest)
    keys = [{"id": key.public.id.hex(), "person": key.label or None} for key in decode_card(data).keys]
    listed = "".join(f"key {one['id']}{_whose(one['person'])}\n" for one in keys)
    common.say(
        {
            "member": member,
            "fingerprint": digest.hex(),
            "words": words,
            "keys": keys,
            "file": str(out) if out else None,
        },
        f"member {member}\n{listed}fingerprint of the card: {digest.hex()}\nin words: {words}\n",
    )
    if not common.json:
        print(fingerprints.qr(digest))
    return 0


def _whose(person: str | None) -> str:
    return f" of another person: {one_line(person)}" if person else ""


def join(
    *,
    directory: Annotated[
        list[Path] | None, Parameter(help="Directory files from version 1 on, in order.")
    ] = None,
    fingerprint: Annotated[str, Parameter(help="The root fingerprint: 64 hex digits or 24 words.")] = "",
    relay_address: Annotated[str, Parameter(help="host:port, if not the one in the Directory.")] = "",
    proxy: Annotated[
        str,
        Parameter(
            env_var="MCE_PROXY",
            help="An HTTP proxy to connect through, as http://host:port; none for none. One with a password"
            " is given in the environment, where no list of processes shows it.",
        ),
    ] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Pin a network by its root fingerprint, and its relay by the Directory.

    Without both, in a home that has joined: pin again the relay of the newest Directory that it has followed.

    Example: mce join --home be --directory genesis.directory --fingerprint "abandon ability ..."
    """
    if bool(directory) != bool(fingerprint):
        raise UsageError("give Directory files and the fingerprint that they are held against, or neither")
    pinned = fingerprints.read_fingerprint(fingerprint) if directory else None
    files = [read_file(path, limits.DIRECTORY_BUNDLE) for path in directory or ()]
    with open_home(common, secret) as home:
        if pinned is None:
            joined = joining.join_again(home, relay_address=relay_address, proxy=proxy)
        else:
            joined = joining.join(home, files, pinned=pinned, relay_address=relay_address, proxy=proxy)
    text = f"Joined {one_line(joined.name)}, Directory version {joined.version},"
    text += f" {joined.relay} at {one_line(joined.address)}."
    if not joined.entered:
        text += " This member is NOT in it yet: give the federation your card."
    common.say(
        {
            "network_id": joined.network_id.hex(),
            "version": joined.version,
            "relay": joined.relay,
            "address": joined.address,
            "entered": joined.entered,
        },
        text,
    )
    return 0
