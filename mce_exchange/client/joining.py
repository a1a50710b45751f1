"""Becoming a member: keys and card first, then a network by its pinned fingerprint (SPEC section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mce_exchange.client.address import read_address, read_proxy
from mce_exchange.client.identity import GENESIS, Identity
from mce_exchange.directory import trust
from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Directory, Member, Role, Status
from mce_exchange.directory.records import Bundle, decode_card, encode_card, name_is_plain
from mce_exchange.errors import DirectoryError, ProtocolError, UsageError
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

    network_id: bytes
    name: str
    version: int
    relay: str
    address: str
    entered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A member's keys and the card that asks the federation to enter them, not in a home yet."""

    member: str
    signing: PrivateKey
    door_key: bytes
    door: bytes
    card: bytes

    def move_in(self, home: Home) -> None:
        """Store all of it in a home that has none."""
        with home.database.write():
            home.secrets.put_signing(self.signing)
            home.secrets.put("door", self.door_key)
            home.settings.put(settings.DOOR, self.door)
            home.settings.put(settings.MEMBER, self.member)
            home.settings.put(settings.CARD, self.card)


def new_member(*, member: str, name: str, country: str, phone: str, role: RoleName) -> NewMember:
    """Fresh keys and their card; `UsageError` for what the federation would refuse to enter."""
    if not name_is_plain(member):
        raise UsageError("a member id has letters a to z, digits, dots and hyphens only")
    key = PrivateKey.generate()
    try:
        door_key, door = make_certificate()
        card = _card(key, door, member=member, name=name, country=country, phone=phone, role=role)
    except (ValueError, TypeError, ProtocolError) as error:
        why = str(error) if isinstance(error, ProtocolError) else "not text that a card can hold"
        raise UsageError(f"the federation would not enter this card: {why}") from None
    return NewMember(member=member, signing=key, door_key=door_key, door=door, card=card)


def _card(
    key: PrivateKey, door: bytes, *, member: str, name: str, country: str, phone: str, role: RoleName
) -> bytes:
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
    decode_card(card)
    return card


def join(
    home: Home, files: Sequence[bytes], *, pinned: bytes, relay_address: str = "", proxy: str = ""
) -> Joined:
    """Pin a network and its relay. Raises `DirectoryError` if the files are not that network's history.

    `proxy` is "http://host:port", "none" for a proxy no more, or empty for no change.
    """
    bundles = [Bundle.decode(data) for data in files]
    before = home.settings.find(settings.NETWORK_ID)
    if before is not None and before != pinned:
        raise UsageError("this home has joined another network", remedy="make a new home for this one")
    directory = trust.open_chain(bundles, network_id=pinned)
    with home.database.write():
        home.settings.put(settings.NETWORK_ID, pinned)
        home.settings.put(GENESIS, bundles[0].encode())
        return _pin(home, directory, relay_address=relay_address, proxy=proxy)


def join_again(home: Home, *, relay_address: str = "", proxy: str = "") -> Joined:
    """Pin again the relay of the newest Directory that this home has followed; its network stays."""
    directory = Identity.of(home).follower(home).state.directory
    with home.database.write():
        return _pin(home, directory, relay_address=relay_address, proxy=proxy)


def _pin(home: Home, directory: Directory, *, relay_address: str, proxy: str) -> Joined:
    via = read_proxy(proxy) if proxy not in ("", "none") else ""
    if relay_address:
        read_address(relay_address)
    relays = [relay for relay in directory.relays.values() if not relay.life.removed]
    if not relays:
        raise DirectoryError(f"no relay lives in Directory version {directory.version}")
    relay = relays[-1]
    address = relay_address or relay.address
    member = directory.members.get(home.settings.text(settings.MEMBER))
    own = set(home.secrets.signing_ids())
    home.settings.put(settings.RELAY_ADDRESS, address)
    home.settings.put(settings.RELAY_CERTIFICATE, relay.certificates[-1])
    home.settings.put(settings.RELAY_NAMED, f"{directory.version} {relay.address}")
    if proxy:
        home.settings.put(settings.PROXY, via)
    return Joined(
        network_id=directory.network_id,
        name=directory.name,
        version=directory.version,
        relay=relay.id,
        address=address,
        entered=member is not None and any(key.public.id in own for key in member.keys),
    )
