"""Acknowledgements, voids, re-wraps and public Statements at the relay (threats D1, E1, R4, R5)."""

import secrets
from hashlib import sha256
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.store.protocol import Fate
from mce_relay.values import Accepted, PublishIn, Quotas

from mce_exchange import limits, statement
from mce_exchange.errors import RefusedError
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import Federation, fate, running, send, tell

pytestmark = pytest.mark.asyncio

NOT_HELD = statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD
BY_PERSON = statement_pb2.REFUSAL_CODE_BY_PERSON
FULL = statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL


async def refused(core: Core, author: str, item: PublishIn) -> str:
    """The reason for which one Statement is refused; nothing may be logged."""
    size = core.state.size
    [outcome] = await core.publish(author, [item])
    assert isinstance(outcome, RefusedError), "it was accepted"
    assert core.state.size == size
    return outcome.reason


async def waiting(core: Core, member: str, index: int) -> bool:
    """Whether the message at this log index waits for a member's final answer."""
    return await fate(core, member, index) is Fate.PENDING


def named(f: Federation, found: Accepted) -> tuple[bytes, int]:
    """Header id and log index of an accepted message."""
    return f.id(found.statement), found.receipt.index


async def test_the_first_final_acknowledgement_counts(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        id_, index = named(f, await send(core, "be", f.envelope("be", "pt", "es")))
        ack = f.delivered("pt", (id_, index, 0))
        first = await tell(core, "pt", ack)
        assert not await waiting(core, "pt", index)
        assert await waiting(core, "es", index)
        assert (await tell(core, "pt", ack)).receipt == first.receipt
        assert await refused(core, "pt", f.refused("pt", id_, index, 0, BY_PERSON)) == "already_final"
        await tell(core, "es", f.refused("es", id_, index, 1, BY_PERSON))
        assert await refused(core, "es", f.delivered("es", (id_, index, 1))) == "already_final"


async def test_one_acknowledgement_covers_many_messages_of_one_sender(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        sent = [named(f, await send(core, one, f.envelope(one, "pt"))) for one in ("be", "es", "be")]
        items = [(id_, index, 0) for id_, index in sent]
        # "es" would read which messages of "be" have come, and "be" of "es".
        assert await refused(core, "pt", f.delivered("pt", *items)) == "wrong_context"
        ack = await tell(core, "pt", f.delivered("pt", items[0], items[2]))
        for member in ("be", "pt", "aud"):
            assert await core.statements(member, [ack.receipt.index])
        for member in ("es", "nl"):
            assert not await core.statements(member, [ack.receipt.index])
        assert [await waiting(core, "pt", index) for _, index in sent] == [False, True, False]


async def test_r5_nobody_acknowledges_for_another(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        id_, index = named(f, await send(core, "be", f.envelope("be", "pt", "es")))
        assert await refused(core, "es", f.delivered("es", (id_, index, 0))) == "wrong_context"
        assert await refused(core, "es", f.delivered("pt", (id_, index, 0))) == "wrong_context"
        assert await refused(core, "pt", f.delivered("pt", (id_, index, 2))) == "wrong_context"
        assert await refused(core, "pt", f.delivered("pt", (id_, index + 1, 0))) == "not_found"
        assert await refused(core, "pt", f.delivered("pt", (bytes(32), index, 0))) == "not_found"
        twice = f.delivered("pt", (id_, index, 0), (id_, index, 0))
        assert await refused(core, "pt", twice) == "malformed"
        # The relay's own key makes no acknowledgement either.
        body = statement_pb2.Delivered(signers=[f.relay_keys.signing.public.id], member="pt")
        body.items.add(header_id=id_, index=index, recipient_index=0)
        forged = PublishIn(f.sign("delivered", body, f.relay_keys.signing))
        assert await refused(core, f.relay_id, forged) == "bad_signature"
        assert await waiting(core, "pt", index)


async def test_an_acknowledgement_of_several_is_taken_whole_or_not(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        one, other = [named(f, await send(core, "be", f.envelope("be", "pt"))) for _ in range(2)]
        await tell(core, "pt", f.delivered("pt", (*one, 0)))
        assert await refused(core, "pt", f.delivered("pt", (*other, 0), (*one, 0))) == "already_final"
        assert await waiting(core, "pt", other[1])


def rewrap(f: Federation, sender: str, id_: bytes, prekey: bytes, *, number: int = 0) -> PublishIn:
    wrap = secrets.token_bytes(limits.WRAP)
    body = statement_pb2.ReWrap(
        signers=[f[sender].key.public.id],
        header_id=id_,
        recipient_index=number,
        prekey_id=prekey,
        wrap_digest=sha256(wrap).digest(),
    )
    return PublishIn(f.sign("re-wrap", body, f[sender].key), wrap=wrap)


async def test_a_re_wrap_once_for_a_prekey_that_is_not_held(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        held = f["pt"].prekey
        await tell(core, "pt", f.prekey("pt"))
        envelope = f.envelope("be", "pt")
        id_, index = named(f, await send(core, "be", envelope))
        assert await refused(core, "be", rewrap(f, "be", id_, held)) == "wrong_context"
        await tell(core, "pt", f.refused("pt", id_, index, 0, NOT_HELD))
        assert await waiting(core, "pt", index), "prekey_not_held is not final"

        await tell(core, "pt", f.prekey("pt"))
        later = rewrap(f, "be", id_, f["pt"].prekey)
        assert await refused(core, "be", later) == "unknown_prekey", "a prekey logged above the header"
        assert await refused(core, "be", rewrap(f, "be", id_, f["es"].prekey)) == "unknown_prekey"
        assert await refused(core, "nl", rewrap(f, "nl", id_, held)) == "wrong_context"
        good = rewrap(f, "be", id_, held)
        other = PublishIn(good.statement, wrap=secrets.token_bytes(limits.WRAP))
        assert await refused(core, "be", other) == "wrong_context"
        found = await tell(core, "be", good)

        batch = await core.read("pt", found.receipt.index)
        assert batch is not None
        [delivery] = batch.statements
        assert (delivery.wrap, delivery.payload) == (good.wrap, envelope.payload)
        again = await core.read("pt", index)
        assert again is not None
        # Beside each Statement goes the wrap that it commits to.
        assert again.statements[0].wrap == envelope.wraps[0]
        assert await refused(core, "be", rewrap(f, "be", id_, held)) == "wrong_context", "only once"
        await tell(core, "pt", f.delivered("pt", (id_, index, 0)))
        assert await refused(core, "be", rewrap(f, "be", id_, held)) == "already_final"


def void(f: Federation, sender: str, recipient: str, number: int, annulled: bytes = b"") -> PublishIn:
    body = statement_pb2.Void(
        signers=[f[sender].key.public.id],
        sender=sender,
        recipient=recipient,
        sequence=number,
        annulled_id=annulled,
    )
    return PublishIn(f.sign("void", body, f[sender].key))


async def test_of_header_and_void_the_first_logged_wins(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        id_, _ = named(f, await send(core, "be", f.envelope("be", "pt")))
        assert await refused(core, "be", void(f, "be", "pt", 1)) == "sequence_used"
        assert await refused(core, "be", void(f, "be", "pt", 2, id_)) == "wrong_context"
        burned = f.envelope("be", "pt")
        filled = void(f, "be", "pt", 2, f.id(burned.statement))
        first = await tell(core, "be", filled)
        assert (await tell(core, "be", filled)).receipt.index == first.receipt.index
        [late] = await core.submit("be", [burned])
        assert isinstance(late, RefusedError)
        assert late.reason == "sequence_used"
        assert await refused(core, "be", void(f, "be", "pt", 2)) == "sequence_used"
        assert await refused(core, "be", void(f, "be", "be", 9)) == "wrong_context"
        assert await refused(core, "be", void(f, "be", "xx", 9)) == "wrong_context"
        assert await core.statements("pt", [first.receipt.index])
        assert not await core.statements("es", [first.receipt.index])


async def test_high_water_goes_to_the_pair(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        id_, _ = named(f, await send(core, "be", f.envelope("be", "pt")))
        body = statement_pb2.HighWater(
            signers=[f["be"].key.public.id],
            sender="be",
            recipient="pt",
            sequence=1,
            header_id=id_,
            log_size=2,
            log_root=bytes(31) + b"\1",
        )
        found = await tell(core, "be", PublishIn(f.sign("high-water", body, f["be"].key)))
        seen = [who for who in ("be", "pt", "es", "aud") if await core.statements(who, [found.receipt.index])]
        assert seen == ["be", "pt", "aud"]


async def test_erasure_names_messages_of_the_author_only(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        one, _ = named(f, await send(core, "be", f.envelope("be", "pt")))
        both, _ = named(f, await send(core, "be", f.envelope("be", "pt", "es")))
        theirs, _ = named(f, await send(core, "es", f.envelope("es", "pt")))

        def erasure(*ids: bytes) -> PublishIn:
            body = statement_pb2.Erasure(
                signers=[f["be"].key.public.id],
                author="be",
                what=statement_pb2.ERASED_PART_CONTENT_KEY,
                header_ids=ids,
                anchor=anchor,
            )
            return PublishIn(f.sign("erasure", body, f["be"].key))

        anchor = await core.anchor(0)
        assert await refused(core, "be", erasure(one, theirs)) == "not_found"
        found = await tell(core, "be", erasure(one, both))
        # "es" has no part in the first message and does not learn its id.
        assert not await core.statements("es", [found.receipt.index])
        assert await core.statements("pt", [found.receipt.index])


async def test_public_statements_come_from_anybody_and_signatures_decide(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        item = f.prekey("be")
        found = await tell(core, "nl", item)
        assert await core.prekeys(["be", "xx"]) == [(found.receipt.index, item.statement)]
        assert (await tell(core, f.relay_id, item)).receipt.index == found.receipt.index

        # A directory below the threshold, or one whose records were changed on the way: never used.
        good = f.successor(core.state.directory)
        forged = statement.sign(
            "directory", statement.decode(good.statement).body, network_id=f.network_id, keys=[f["be"].key]
        )
        assert await refused(core, "be", PublishIn(forged.raw, good.members)) == "wrong_context"
        assert await refused(core, "be", PublishIn(good.statement, good.members[:-1])) == "wrong_context"
        logged = await tell(core, "be", PublishIn(good.statement, good.members))
        assert core.state.directory.version == 2
        assert await core.directory(2) == (logged.receipt.index, good)
        assert await core.directory(1) == (0, f.bundle)


async def test_what_a_caller_may_not_publish(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        assert await refused(core, "be", PublishIn(envelope.statement)) == "wrong_context"
        body = statement_pb2.Undeliverable(
            signers=[f.relay_keys.signing.public.id], header_id=bytes(31) + b"\1", recipient="pt", code=FULL
        )
        own = PublishIn(f.sign("undeliverable", body, f.relay_keys.signing))
        assert await refused(core, f.relay_id, own) == "not_admitted"
        big = PublishIn(envelope.statement, wrap=bytes(limits.WRAP + 1))
        assert await refused(core, "be", big) == "too_large"
        with pytest.raises(RefusedError, match="at most"):
            await core.publish("be", [own] * (limits.STATEMENTS_PER_CALL + 1))


async def test_h4_no_member_floods_the_log(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path, quotas=Quotas(statements_per_day=3)) as core:
        for number in range(3):
            await tell(core, "be", void(f, "be", "pt", number + 1))
        assert await refused(core, "be", void(f, "be", "pt", 4)) == "quota"
        assert await refused(core, "be", f.prekey("nl")) == "quota"
        await tell(core, "be", void(f, "be", "pt", 3))
        await tell(core, "es", void(f, "es", "pt", 1))
        await send(core, "be", f.envelope("be", "es"))
