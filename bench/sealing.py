"""Seal and open a case message of 2 KiB for 1, 10 and 30 recipients: the floor, ours, and peers.

The floor is what the primitives themselves take: the same calls on bytes of the same lengths, keys
parsed beforehand, nothing framed, linted, looked up or compared. The opener is the recipient in the
middle of the list; peers that try one recipient after another are so met halfway. Rates are by processor
time, children's included; gpg's agent is left out, in its favour.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final, Protocol

import nacl.bindings
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bench import sealing_peers
from bench.frame import Goal, NotRun, Scale, Series, Table, interleave, number, timed
from bench.gpg import Gpg
from mce_exchange import statement
from mce_exchange.hotline.receiving import Refusal, judge, open_arrived
from mce_exchange.padding import padded_size
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Sealed, To, seal, seal_streams
from tests.federation import NOW_MINUTES, Federation

COUNTS: Final = (1, 10, 30)
CONTENT: Final = 2048
SENDER: Final = "be"
_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


class Sealer(Protocol):
    """What is compared: one sender, up to 30 recipients."""

    name: str

    def seal(self, content: bytes, count: int) -> Any:
        """Sign and encrypt to the first `count` recipients."""

    def open(self, sealed: Any, count: int) -> bytes:
        """Decrypt as recipient `count // 2` and verify who signed."""


class Ours:
    """This library: both signatures, every rule that needs no store."""

    name = "mce-exchange"

    def __init__(self) -> None:
        self.members = [f"{a}{b}" for a in "kmpqrs" for b in "vwxyz"][: max(COUNTS)]
        self.federation = Federation((SENDER, *self.members))

    def seal(self, content: bytes, count: int) -> Sealed:
        """See `Sealer`."""
        return self.seal_to(content, [(member, 1, b"") for member in self.members[:count]])

    def seal_to(self, content: bytes, to: Sequence[tuple[str, int, bytes]]) -> Sealed:
        """To these members, with number and previous id in the pair's order."""
        state = self.federation.state
        draft = seal_streams(sender=SENDER, recipients=[member for member, _, _ in to], content=content)
        prekeys = [state.prekeys[member][-1] for member, _, _ in to]
        return seal(
            draft,
            to=[
                To(
                    member=member,
                    sequence=sequence,
                    previous_id=previous,
                    prekey_id=prekey.id,
                    prekey=prekey.public_key,
                )
                for (member, sequence, previous), prekey in zip(to, prekeys, strict=True)
            ],
            network_id=self.federation.network_id,
            directory_version=1,
            directory_id=state.directory.id,
            keys=[self.federation.people[SENDER].key],
            created_minutes=NOW_MINUTES,
        )

    def open(self, sealed: Sealed, count: int) -> bytes:
        """See `Sealer`."""
        # A recipient meets a message once: what the process remembers of these bytes, the answer to its
        # signatures among it, must not stand in for verifying them.
        statement._decode_kept.cache_clear()
        state, number_ = self.federation.state, count // 2
        person = self.federation.people[self.members[number_]]
        arrived = judge(sealed.statement.raw, state=state, index=state.size, me=person.id)
        opened = open_arrived(
            arrived,
            wrap=sealed.wraps[number_],
            payload=sealed.payload,
            prekey=lambda _: person.kem,
            check=lambda _: None,
        )
        if isinstance(opened, Refusal):
            raise RuntimeError(f"refused: {opened.name}")
        return opened.content


class Floor:
    """The primitives alone, on the messages that `Ours` makes."""

    name = "the primitives"

    def __init__(self, ours: Ours, content: bytes) -> None:
        federation = ours.federation
        person = federation.people[SENDER]
        self._network_id = federation.network_id
        self._ours = ours
        self._ed25519, self._expanded = nacl.bindings.crypto_sign_seed_keypair(person.key.seed[:32])
        self._ml_dsa = mldsa.MLDSA65PrivateKey.from_seed_bytes(person.key.seed[32:])
        self._ml_dsa_public = self._ml_dsa.public_key()
        publics = [federation.people[member].kem.public for member in ours.members]
        self._publics = [
            hpke.MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(one[:1184]),
                x25519.X25519PublicKey.from_public_bytes(one[1184:]),
            )
            for one in publics
        ]
        self._shapes = {count: ours.seal(content, count) for count in COUNTS}

    def seal(self, content: bytes, count: int) -> Sealed:
        """The same primitive calls as a sealing, whose result is what `Ours` made of this content."""
        shape = self._shapes[count]
        random = secrets.token_bytes(64)
        both = _hkdf(_hkdf(random[:32], random[32:], 32), None, 64)
        plain = content + bytes(padded_size(CONTENT, payload=True) - len(content))
        sha256(ChaCha20Poly1305(both[:32]).encrypt(bytes(12), plain, None))
        info = b"mce1/wrap\0" + sha256(shape.header.core_bytes) + bytes(34)
        for public in self._publics[:count]:
            sha256(_SUITE.encrypt(random[:32], public, info))
        body = shape.statement.body
        sha256(body)
        nacl.bindings.crypto_sign(body, self._expanded)
        self._ml_dsa.sign(body, b"header")
        return shape

    def open(self, sealed: Sealed, count: int) -> bytes:
        """The same primitive calls as an opening."""
        header, block, place = sealed.header, sealed.statement.blocks[0], count // 2
        message = statement.signed_bytes(self._network_id, "header", block.signer, sealed.statement.body)
        sha256(message)
        nacl.bindings.crypto_sign_open(block.ed25519 + message, self._ed25519)
        self._ml_dsa_public.verify(block.ml_dsa_65, message, b"header")
        sha256(header.core_bytes)
        sha256(sealed.wraps[place])
        # The private key object is the library's: it was parsed when the prekey was made.
        kem: Any = self._ours.federation.people[self._ours.members[place]].kem
        content_key = _SUITE.decrypt(sealed.wraps[place], kem._key, header.wrap_info(place))
        secret = _hkdf(content_key, header.core.message_ref, 32, b"mce1/stream" + bytes(4))
        both = _hkdf(secret, None, 64, b"mce1/key-commit")
        sha256(sealed.payload)
        return ChaCha20Poly1305(both[:32]).decrypt(bytes(11) + b"\x01", sealed.payload, None)


def _hkdf(key: bytes, salt: bytes | None, length: int, info: bytes = b"") -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


def run(scale: Scale) -> list[Table]:
    """A table for each number of recipients."""
    content = secrets.token_bytes(CONTENT)
    ours = Ours()
    sealers: list[Sealer] = [ours, Floor(ours, content)]
    missing = []
    with ExitStack() as stack:
        for make in (sealing_peers.Jwcrypto, sealing_peers.Joserfc, sealing_peers.Pyrage, Gpg):
            try:
                sealers.append(make(stack))
            except NotRun as reason:
                missing.append(f"{make.__name__}: {reason}")
        counts = COUNTS[:2] if scale.tiny else COUNTS
        return [_compare(content, count, sealers, missing, scale) for count in counts]


def _compare(
    content: bytes, count: int, sealers: Sequence[Sealer], missing: Sequence[str], scale: Scale
) -> Table:
    seals, opens = [], []
    for one in sealers:
        sealed = one.seal(content, count)
        if content not in one.open(sealed, count):
            raise RuntimeError(f"{one.name} opens something else")
        seals.append(timed(one.name, partial(one.seal, content, count), scale.seconds))
        opens.append(timed(one.name, partial(one.open, sealed, count), scale.seconds))
    sealing, opening = interleave(seals, scale.rounds), interleave(opens, scale.rounds)
    mine = sealing[Ours.name], opening[Ours.name]
    rows = [
        [
            name,
            number(sealing[name].median),
            number(mine[0].over(sealing[name])),
            number(opening[name].median),
            number(mine[1].over(opening[name])),
        ]
        for name in sealing
    ]
    return Table(
        title=f"Sealing: 2 KiB to {count}",
        head=("", "seals/s", "ours over it", "opens/s", "ours over it"),
        rows=rows,
        missing=missing,
        goals=list(_goals(count, sealing, opening)),
    )


def _goals(count: int, sealing: Mapping[str, Series], opening: Mapping[str, Series]) -> Iterator[Goal]:
    for what, found in (("seal", sealing), ("open", opening)):
        wanted = {1: 1.2, 30: 1.5}.get(count)
        if wanted:
            times = found[Floor.name].over(found[Ours.name])
            yield Goal(
                what=f"{what}: times the primitives' own", measured=times, wanted=wanted, at_least=False
            )
    for name, wanted in (("jwcrypto", {1: 1.2, 10: 4.0}.get(count)), (Gpg.name, 6.0 if count == 1 else None)):
        if wanted and name in opening:
            over = opening[Ours.name].over(opening[name])
            yield Goal(what=f"open: {name}'s rate, times", measured=over, wanted=wanted)
