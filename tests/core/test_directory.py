"""Directories: the chain of trust, lives of keys, the public state (threats D1, D2, D4 to D8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mce_exchange import statement
from mce_exchange.directory import compose, trust
from mce_exchange.directory.authority import Verdict, authenticate
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Directory, Life, Member, SigningKey, Status
from mce_exchange.directory.records import Bundle, RelayCard, decode_card, encode_card
from mce_exchange.errors import ContextError, DirectoryError, MalformedError, ProtocolError, SignatureError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum
from mce_exchange.v1 import statement_pb2
from tests.federation import LOG_KEY, NOW_MINUTES, RELAY_KEY, ROOTS, Federation, signed

FEDERATION = Federation()
NEW_ROOT = PrivateKey.from_seed(b"N" * 64)


def successor(change: Callable[[Draft], Draft] = lambda d: d, federation: Federation = FEDERATION) -> Bundle:
    directory = federation.state.directory
    return compose.successor(change(Draft.of(directory)), current=directory, now_minutes=NOW_MINUTES)


def roots(bundle: Bundle, *keys: PrivateKey) -> Bundle:
    return signed(bundle, keys or ROOTS[:2], network_id=FEDERATION.network_id)


def opened(bundle: Bundle) -> Directory:
    return trust.open_next(FEDERATION.state.directory, bundle, index=50)


def test_a_genesis_opens_for_the_pinned_fingerprint_only() -> None:
    directory = trust.open_genesis(FEDERATION.genesis, network_id=FEDERATION.network_id)
    assert directory == FEDERATION.state.directory
    assert list(directory.members) == ["be", "es", "pt"]
    with pytest.raises(DirectoryError, match="pinned"):
        trust.open_genesis(FEDERATION.genesis, network_id=bytes(32))


def test_e12_an_exercise_can_never_be_taken_for_the_real_network() -> None:
    other = compose.genesis(FEDERATION.draft(), random=b"h" * 32, now_minutes=NOW_MINUTES)
    assert trust.network_id_of(compose.body_of(other.statement)[0]) != FEDERATION.network_id


def test_the_next_version_follows() -> None:
    directory = opened(roots(successor()))
    assert (directory.version, directory.indices) == (2, (0, 50))
    assert Bundle.decode(roots(successor()).encode()).members == roots(successor()).members


@pytest.mark.parametrize("keys", [ROOTS[:1], [NEW_ROOT, ROOTS[0]]], ids=["below_threshold", "a_stranger"])
def test_d1_nothing_below_the_threshold_counts(keys: list[PrivateKey]) -> None:
    with pytest.raises(DirectoryError):
        opened(roots(successor(), *keys))


def test_d1_a_key_exchanged_by_the_operator_is_never_used() -> None:
    stranger = PrivateKey.from_seed(b"S" * 64)
    good = roots(successor())
    record = FEDERATION.people["pt"].record
    forged = encode_member(replace(record, keys=(SigningKey(public=stranger.public, life=Life(added=1)),)))
    with pytest.raises(DirectoryError, match="does not commit"):
        opened(Bundle(good.statement, (*good.members[:2], forged)))


def encode_member(member: Member) -> bytes:
    from mce_exchange.directory.records import encode_member as encode

    return encode(member)


def test_d2_an_older_or_repeated_version_is_refused() -> None:
    with pytest.raises(DirectoryError):
        opened(FEDERATION.genesis)
    second = opened(roots(successor()))
    with pytest.raises(DirectoryError):
        trust.open_next(second, roots(successor()), index=60)


def test_d2_a_version_that_follows_another_directory_is_refused() -> None:
    def fork(draft: Draft) -> Draft:
        return replace(draft, name="Another past")

    # Both genuine and signed by the same roots, so only the chain tells which past this version has.
    other = trust.open_next(FEDERATION.state.directory, roots(successor(fork)), index=50)
    third = roots(compose.successor(Draft.of(other), current=other, now_minutes=NOW_MINUTES))
    assert trust.open_next(other, third, index=60).version == 3
    with pytest.raises(DirectoryError, match="follows another"):
        trust.open_next(opened(roots(successor())), third, index=60)


def test_the_roots_name_is_nobody_elses() -> None:
    def member(draft: Draft) -> Draft:
        stranger = PrivateKey.from_seed(b"S" * 64)
        one = replace(FEDERATION.people["pt"].record, id="federation", keys=(new_key(stranger.public),))
        return replace(draft, members=(*draft.members, one))

    with pytest.raises(DirectoryError, match="two of one id"):
        opened(roots(successor(member)))


def test_d4_parts_of_two_versions_do_not_mix() -> None:
    def telephone(draft: Draft) -> Draft:
        first, *rest = draft.members
        return replace(draft, members=(replace(first, phone="+999"), *rest))

    changed, unchanged = roots(successor(telephone)), roots(successor())
    with pytest.raises(DirectoryError, match="does not commit"):
        opened(Bundle(changed.statement, unchanged.members))
    bigger = Federation(("be", "es", "pt", "ro"))
    with pytest.raises(DirectoryError):
        opened(Bundle(roots(successor()).statement, bigger.genesis.members))
    with pytest.raises(DirectoryError):
        opened(Bundle(roots(successor()).statement, FEDERATION.genesis.members[::-1]))


def test_d5_one_root_signing_twice_is_one_root() -> None:
    good = statement.decode(roots(successor(), ROOTS[0]).statement)
    for blocks in ((good.blocks[0], good.blocks[0]),):
        twice = statement.Statement(good.type, good.body, blocks)
        with pytest.raises(DirectoryError):
            opened(Bundle(twice.raw, FEDERATION.genesis.members))
    both = statement.decode(roots(successor()).statement)
    descending = statement.Statement(both.type, both.body, both.blocks[::-1])
    with pytest.raises(DirectoryError, match="ascending"):
        opened(Bundle(descending.raw, FEDERATION.genesis.members))


def test_d6_a_version_far_ahead_is_refused() -> None:
    ahead = replace(FEDERATION.state.directory, version=2**12 - 1)
    with pytest.raises(DirectoryError):
        opened(roots(compose.successor(Draft.of(ahead), current=ahead, now_minutes=NOW_MINUTES)))


def _rotated(draft: Draft) -> Draft:
    return replace(draft, root_keys=(*draft.root_keys, new_key(NEW_ROOT.public)), root_threshold=3)


def test_d7_a_new_root_set_needs_the_old_threshold_and_its_own() -> None:
    assert opened(roots(successor(_rotated), *ROOTS)).root_threshold == 3
    for keys in (ROOTS[:2], [NEW_ROOT, ROOTS[0]]):
        with pytest.raises(DirectoryError):
            opened(roots(successor(_rotated), *keys))


def _no_member(draft: Draft) -> Draft:
    return replace(draft, members=list(draft.members)[1:])


def _old_life(draft: Draft) -> Draft:
    member, *rest = draft.members
    rewritten = replace(member, keys=tuple(replace(key, life=Life(added=2)) for key in member.keys))
    return replace(draft, members=(rewritten, *rest))


def _shared_key(draft: Draft) -> Draft:
    first, second, *rest = draft.members
    return replace(draft, members=(first, replace(second, keys=second.keys + first.keys), *rest))


def _no_log_key(draft: Draft) -> Draft:
    gone = tuple(replace(one, life=replace(one.life, removed=2)) for one in draft.log_keys)
    return replace(draft, log_keys=gone)


def _quorum(draft: Draft) -> Draft:
    return replace(draft, quorum=Quorum(1, 2))


@pytest.mark.parametrize("change", [_no_member, _old_life, _shared_key, _no_log_key, _quorum])
def test_a_version_rewrites_no_history(change: Callable[[Draft], Draft]) -> None:
    with pytest.raises(DirectoryError):
        opened(roots(successor(change)))


@pytest.mark.parametrize("bit", range(8, len(FEDERATION.genesis.statement) * 8, 1009))
def test_any_flipped_bit_of_a_directory_is_refused(bit: int) -> None:
    flipped = bytearray(FEDERATION.genesis.statement)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DirectoryError):
        trust.open_genesis(
            Bundle(bytes(flipped), FEDERATION.genesis.members), network_id=FEDERATION.network_id
        )


def test_cards_come_back() -> None:
    member = FEDERATION.state.directory.member("be")
    assert decode_card(encode_card(member)) == member
    relay = FEDERATION.state.directory.relays["relay"]
    card = RelayCard(relay=relay, log_key=LOG_KEY)
    assert RelayCard.decode(card.encode()) == card
    with pytest.raises(MalformedError):
        decode_card(encode_card(replace(member, id="Bé")))


# The public state.


def revocation(key: PrivateKey, signer: PrivateKey, federation: Federation, cut: bytes) -> bytes:
    body = statement_pb2.Revocation(
        signers=[signer.public.id],
        member="be",
        key_id=key.public.id,
        cut=cut,
        reason=statement_pb2.REVOCATION_REASON_LOST,
    )
    return federation.sign("revocation", body.SerializeToString(), signer).raw


def test_prekeys_follow_each_other_and_belong_to_their_member() -> None:
    federation = Federation()
    be = federation.people["be"]
    first = federation.state.prekey("be")
    assert first
    federation.publish(federation.prekey(be, epoch=2, previous=first.id))
    newest = federation.state.prekey("be")
    assert newest
    assert newest.epoch == 2
    assert federation.state.find_prekey("be", first.id) == first
    for epoch, previous in ((2, first.id), (4, newest.id), (3, first.id), (3, b"")):
        with pytest.raises(ProtocolError):
            federation.publish(federation.prekey(be, epoch=epoch, previous=previous))
    body = statement_pb2.Prekey.FromString(statement.decode(federation.prekey(be)).body)
    body.member = "pt"
    with pytest.raises(SignatureError, match="in the name of another"):
        federation.publish(federation.sign("prekey", body.SerializeToString(), be.key).raw)


def test_d8_a_revocation_cuts_and_kills_prekeys() -> None:
    federation = Federation()
    be = federation.people["be"]
    cut = federation.anchor()
    size = federation.tree.size
    contested = statement_pb2.Contest(signers=[be.key.public.id], member="be", statement_id=bytes(32))
    raw = federation.sign("contest", contested.SerializeToString(), be.key)
    federation.publish(raw.raw)
    index = federation.publish(revocation(be.key, be.second, federation, cut))

    def verdict(at: int) -> Verdict:
        return authenticate(raw, state=federation.state, index=at).verdict

    assert verdict(size - 1) is Verdict.VALID
    assert verdict(size) is verdict(index) is Verdict.DISPUTED
    with pytest.raises(SignatureError, match="does not count"):
        verdict(index + 1)
    assert federation.state.prekey("be") is None


def test_nobody_revokes_anothers_key() -> None:
    federation = Federation()
    pt = federation.people["pt"]
    raw = revocation(federation.people["be"].key, pt.key, federation, federation.anchor())
    with pytest.raises(SignatureError, match="revokes a key of be"):
        federation.publish(raw)


def test_one_root_suspends_two_members_and_the_threshold_lifts_it() -> None:
    federation = Federation()

    def suspend(member: str) -> str:
        body = statement_pb2.Suspension(
            signers=[ROOTS[0].public.id],
            member=member,
            anchor=federation.anchor(),
            reason=statement_pb2.SUSPENSION_REASON_REQUESTED,
        )
        raw = federation.sign("suspension", body.SerializeToString(), ROOTS[0])
        federation.publish(raw.raw)
        return raw.id(federation.network_id).hex()

    first = suspend("be")
    suspend("es")
    assert not federation.state.takes_part("be")
    with pytest.raises(SignatureError, match="does not count"):
        federation.publish(federation.prekey(federation.people["be"], epoch=2, previous=bytes(32)))
    with pytest.raises(ContextError):
        suspend("pt")
    draft = replace(Draft.of(federation.state.directory), lifted_suspensions=(bytes.fromhex(first),))
    lifted = compose.successor(draft, current=federation.state.directory, now_minutes=NOW_MINUTES)
    bundle = signed(lifted, ROOTS[:2], network_id=federation.network_id)
    federation.publish(bundle.statement, bundle.members)
    assert federation.state.takes_part("be")
    assert not federation.state.takes_part("es")


def test_members_and_relays_sign_their_own_types_only() -> None:
    federation = Federation()
    be = federation.people["be"].key
    for key, type_, body in (
        (RELAY_KEY, "delivered", _delivered(RELAY_KEY)),
        (be, "overdue", _undeliverable(be, "overdue")),
        (be, "undeliverable", _undeliverable(be, "undeliverable")),
        (ROOTS[0], "delivered", _delivered(ROOTS[0])),
    ):
        raw = federation.sign(type_, body, key)
        with pytest.raises(SignatureError, match="may not sign"):
            authenticate(raw, state=federation.state, index=9)


def _delivered(key: PrivateKey) -> bytes:
    item = statement_pb2.DeliveredItem(header_id=bytes(32), index=1)
    return statement_pb2.Delivered(signers=[key.public.id], member="be", items=[item]).SerializeToString()


def _undeliverable(key: PrivateKey, type_: str) -> bytes:
    if type_ == "overdue":
        return statement_pb2.Overdue(
            signers=[key.public.id], header_id=bytes(32), recipient="pt", anchor=b"x"
        ).SerializeToString()
    return statement_pb2.Undeliverable(
        signers=[key.public.id],
        header_id=bytes(32),
        recipient="pt",
        code=statement_pb2.UNDELIVERABLE_CODE_LEFT,
    ).SerializeToString()


def test_a_key_lives_from_the_index_that_added_it_to_the_one_that_removed_it() -> None:
    federation = Federation()
    be = federation.people["be"]
    spare = PrivateKey.from_seed(b"P" * 64)
    directory = federation.state.directory
    old = directory.member("be")
    keys = (replace(old.keys[0], life=Life(added=1, removed=2)), old.keys[1], new_key(spare.public))
    draft = replace(
        Draft.of(directory), members=[replace(old, keys=keys), directory.member("es"), directory.member("pt")]
    )
    bundle = signed(
        compose.successor(draft, current=directory, now_minutes=NOW_MINUTES),
        ROOTS[:2],
        network_id=federation.network_id,
    )
    index = federation.publish(bundle.statement, bundle.members)

    def counts(key: PrivateKey, at: int) -> bool:
        try:
            authenticate(federation.sign("delivered", _delivered(key), key), state=federation.state, index=at)
        except SignatureError:
            return False
        return True

    assert [counts(be.key, at) for at in (0, 1, index, index + 1)] == [False, True, True, False]
    assert [counts(spare, at) for at in (index, index + 1)] == [False, True]
    assert federation.state.directory.member("be").status is Status.ACTIVE


def test_doors_change_by_numbered_public_sets() -> None:
    federation = Federation()
    be, pt = federation.people["be"], federation.people["pt"]

    def set_doors(number: int, *certificates: bytes) -> None:
        body = statement_pb2.TlsKeys(
            signers=[be.key.public.id], member="be", number=number, certificates=certificates
        )
        federation.publish(federation.sign("tls-keys", body.SerializeToString(), be.key).raw)

    assert federation.state.certificates("be") == (be.door,)
    other = Federation(("be",)).people["be"].door
    set_doors(1, be.door, other)
    assert federation.state.certificates("be") == (be.door, other)
    for number, certificate in ((1, other), (3, other), (2, pt.door), (2, federation.relay_door)):
        with pytest.raises(ProtocolError):
            set_doors(number, certificate)
    # What the bytes encode is no reader's business: two X.509 parsers would hold two states.
    set_doors(2, b"no certificate")
