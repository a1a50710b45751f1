"""Becoming a member: keys and card first, then a network by its pinned fingerprint (SPEC section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mce_exchange.client.identity import GENESIS
from mce_exchange.directory import trust
from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Member, Role, Status
from mce_exchange.directory.records import Bundle, decode_card, encode_card, name_is_plain
from mce_exchange.errors import DirectoryError, UsageError
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.store import settings
from mce_exchange.store.home import Home

RoleName = Literal["hotline", "federation", "auditor", "liaison"]
ROLES: Final[dict[RoleName, Role]] = {
    "hotline": Role.HOTLINE,
    "federation": Role.FEDERATION,
    "auditor": Role.AUDITOR,
    "liaison": Role.LIAISON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What was pinned; `entered` is whether this member stands in the Directory with this home's key."""

    name: str
    version: int
    relay: str
    address: str
    entered: bool


def make_member(home: Home, *, member: str, name: str, country: str, phone: str, role: RoleName) -> Member:
    """Signing key, door, and the card that asks the federation to enter them; `UsageError` for a bad name."""
    if not name_is_plain(member):
        raise UsageError("a member id has letters a to z, digits, dots and hyphens only")
    key = PrivateKey.generate()
    door_key, door = make_certificate()
    made = Member(
        id=member,
        name=name,
        country=country,
        role=ROLES[role],
        status=Status.ACTIVE,
        keys=(new_key(key.public),),
        certificates=(door,),
        phone=phone,
    )
    card = encode_card(made)
    # What the federation will refuse to enter shows here.
    decode_card(card)
    with home.database.write():
        home.secrets.put("signing", key.seed)
        home.secrets.put("door", door_key)
        home.settings.put(settings.DOOR, door)
        home.settings.put(settings.MEMBER, member)
        home.settings.put(settings.CARD, card)
    return made


def join(
    home: Home, files: Sequence[bytes], *, pinned: bytes, relay_address: str = "", proxy: str = ""
) -> Joined:
    """Pin a network and its relay. Raises `DirectoryError` if the files are not that network's history."""
    bundles = [Bundle.decode(data) for data in files]
    before = home.settings.find(settings.NETWORK_ID)
    if before is not None and before != pinned:
        raise UsageError("this home has joined another network", remedy="make a new home for this one")
    directory = trust.open_chain(bundles, network_id=pinned)
    relays = [relay for relay in directory.relays.values() if not relay.life.removed]
    if not relays:
        raise DirectoryError(f"no relay lives in Directory version {directory.version}")
    relay = relays[-1]
    address = relay_address or relay.address
    member = directory.members.get(home.settings.text(settings.MEMBER))
    own = home.secrets.signing_key().public.id
    with home.database.write():
        home.settings.put(settings.NETWORK_ID, pinned)
        home.settings.put(GENESIS, bundles[0].encode())
        home.settings.put(settings.RELAY_ADDRESS, address)
        home.settings.put(settings.RELAY_CERTIFICATE, relay.certificates[-1])
        if proxy:
            home.settings.put(settings.PROXY, proxy)
    return Joined(
        name=directory.name,
        version=directory.version,
        relay=relay.id,
        address=address,
        entered=member is not None and any(key.public.id == own for key in member.keys),
    )
