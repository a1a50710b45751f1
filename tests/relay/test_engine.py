"""The relay's rules for messages, over the real store (threats E9, H2, H4, R4, R6)."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.values import EnvelopeIn, PublishIn, Quotas

from mce_exchange import limits, statement
from mce_exchange.directory.compose import Draft, new_key, sign_directory, successor
from mce_exchange.directory.model import Act, Status
from mce_exchange.errors import RefusedError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import verify_receipt
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import (
    NOW,
    Clock,
    Federation,
    accepted,
    ciphertext,
    put,
    running,
    send,
    stream,
    tell,
)

pytestmark = pytest.mark.asyncio


async def refused(core: Core, sender: str, envelope: EnvelopeIn) -> str:
    """The reason for which one envelope is refused; nothing may be logged or kept."""
    size = core.state.size
    [outcome] = await core.submit(sender, [envelope])
    assert isinstance(outcome, RefusedError), "it was accepted"
    assert core.state.size == size
    assert outcome.remedy
    return outcome.reason


async def test_a_message_is_logged_and_its_receipt_holds(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt", "es")
        found = await send(core, "be", envelope)
        entry = LogEntry(public=False, digest=statement.decode(envelope.statement).digest)
        directory = core.state.directory
        checkpoint = verify_receipt(
            found.receipt, entry, origin=directory.origin, key=directory.log_key(found.receipt.index + 1)
        )
        assert checkpoint.size == core.state.size == found.receipt.index + 1
        assert found.statement == envelope.statement


async def test_r4_the_same_bytes_again_give_the_same_entry(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        first = await send(core, "be", envelope)
        # ML-DSA is hedged: a sender that lost its bytes signs the same body anew.
        decoded = statement.decode(envelope.statement)
        again = statement.sign("header", decoded.body, network_id=f.network_id, keys=[f["be"].key])
        assert again.raw != envelope.statement
        for bytes_ in (envelope.statement, again.raw):
            second = await send(core, "be", replace(envelope, statement=bytes_))
            assert second == first
        await send(core, "be", f.envelope("be", "pt"))
        third = await send(core, "be", envelope)
        assert (third.receipt.index, third.statement) == (first.receipt.index, first.statement)
        # One delivery, and the proof is fresh: it leads to the newest checkpoint.
        assert third.receipt.checkpoint == core.checkpoint()
        batch = await core.read("pt", first.receipt.index)
        assert batch is not None
        assert [one.index for one in batch.statements] == [first.receipt.index, first.receipt.index + 1]


async def test_r4_a_retry_among_its_own_group_is_one_message(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        size = core.state.size
        envelope = f.envelope("be", "pt")
        outcomes = [accepted(one) for one in await core.submit("be", [envelope] * 5)]
        assert {one.receipt.index for one in outcomes} == {size}
        assert core.state.size == size + 1


async def test_r6_a_wrap_outside_the_signed_list_is_refused(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt", "es")
        other = secrets.token_bytes(limits.WRAP)
        one, two = envelope.wraps
        for wraps in ((one, two, other), (one,), (one, other), (two, one), (one, two[:-1]), (one, b"")):
            assert await refused(core, "be", replace(envelope, wraps=wraps)) == "wrong_context"
        await send(core, "be", envelope)


async def test_the_payload_is_the_one_signed(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        flipped = bytes([envelope.payload[0] ^ 1]) + envelope.payload[1:]
        for payload in (flipped, envelope.payload + b"\0", envelope.payload[:-1], b""):
            assert await refused(core, "be", replace(envelope, payload=payload)) == "wrong_context"


async def test_h2_caps_come_before_everything(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        wrap = envelope.wraps[0]
        too_large: Sequence[EnvelopeIn] = (
            replace(envelope, payload=bytes(limits.PAYLOAD_PADDED + limits.CHUNK)),
            replace(envelope, wraps=(wrap,) * (limits.RECIPIENTS + 1)),
            replace(envelope, statement=bytes(limits.STATEMENT + 1)),
        )
        for one in too_large:
            assert await refused(core, "be", one) == "too_large"
        for cut in (b"", envelope.statement[:-1], envelope.statement + b"\0"):
            assert await refused(core, "be", replace(envelope, statement=cut)) in ("malformed", "too_large")
        with pytest.raises(RefusedError, match="at most"):
            await core.submit("be", [envelope] * (limits.ENVELOPES_PER_CALL + 1))


async def test_only_its_sender_hands_a_header_in_and_signs_it(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        assert await refused(core, "nl", envelope) == "wrong_context"
        decoded = statement.decode(envelope.statement)
        block = decoded.blocks[0]
        stripped = replace(block, ml_dsa_65=bytes(limits.ML_DSA_65_SIGNATURE))
        forged = statement.Statement("header", decoded.body, (stripped,)).raw
        assert await refused(core, "be", replace(envelope, statement=forged)) == "bad_signature"
        theirs = statement.sign("header", decoded.body, network_id=f.network_id, keys=[f["nl"].key])
        assert await refused(core, "be", replace(envelope, statement=theirs.raw)) == "bad_signature"
        not_a_header = f.prekey("be").statement
        assert await refused(core, "be", replace(envelope, statement=not_a_header)) == "wrong_context"
        assert await refused(core, "aud", f.envelope("aud", "pt")) == "wrong_context"


async def test_a_used_number_is_refused_and_a_gap_is_not(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        await send(core, "be", f.envelope("be", "pt"))
        f["be"].sent.clear()
        assert await refused(core, "be", f.envelope("be", "pt")) == "sequence_used"
        f["be"].sent["es"] = (6, secrets.token_bytes(32))
        await send(core, "be", f.envelope("be", "es"))
        f["be"].sent = {"es": (2, secrets.token_bytes(32)), "pt": (1, secrets.token_bytes(32))}
        await send(core, "be", f.envelope("be", "es", "pt"))
        # Another sender's numbers are its own.
        await send(core, "nl", f.envelope("nl", "pt"))


async def test_a_prekey_must_be_the_recipients_own(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        theirs = f["pt"].prekey
        for prekey in (f["es"].prekey, bytes(32)):
            f["pt"].prekey = prekey
            assert await refused(core, "be", f.envelope("be", "pt")) == "unknown_prekey"
            f["be"].sent.clear()
        # Beside one who has its prekey, the other is not served and blocks nobody.
        f["pt"].prekey = bytes(32)
        found = await send(core, "be", f.envelope("be", "es", "pt"))
        batch = await core.read("be", found.receipt.index)
        assert batch is not None
        said = statement_pb2.Undeliverable.FromString(statement.decode(batch.statements[1].statement).body)
        assert (said.recipient, said.code) == ("pt", statement_pb2.UNDELIVERABLE_CODE_NO_PREKEY)
        f["pt"].prekey = theirs
        await send(core, "be", f.envelope("be", "pt"))


async def test_who_cannot_be_served_gets_an_undeliverable_and_blocks_nobody(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        changed = f.successor(core.state.directory, es=Status.SUSPENDED, nl=Status.LEFT)
        await tell(core, "aud", PublishIn(changed.statement, changed.members))
        found = await send(core, "be", f.envelope("be", "es", "pt", "nl", "xx"))
        batch = await core.read("be", found.receipt.index)
        assert batch is not None
        said = [
            statement_pb2.Undeliverable.FromString(statement.decode(one.statement).body)
            for one in batch.statements[1:]
        ]
        header_id = f.id(found.statement)
        assert [(one.header_id == header_id, one.recipient, one.code) for one in said] == [
            (True, "es", statement_pb2.UNDELIVERABLE_CODE_SUSPENDED),
            (True, "nl", statement_pb2.UNDELIVERABLE_CODE_LEFT),
            (True, "xx", statement_pb2.UNDELIVERABLE_CODE_UNKNOWN_MEMBER),
        ]
        theirs = await core.read("pt", found.receipt.index)
        assert theirs is not None
        assert [bool(one.payload) for one in theirs.statements] == [True]
        # The numbers are filled for all of them.
        assert f["be"].sent["es"][0] == 1
        assert await refused(core, "be", f.envelope("be", "es", "nl")) == "no_recipient"
        f["be"].sent.pop("es")
        assert await refused(core, "be", f.envelope("be", "es", "pt")) == "sequence_used"
        assert await refused(core, "es", f.envelope("es", "pt")) == "not_admitted"


async def test_h4_quotas_are_each_senders_own_and_urgent_has_a_reserve(tmp_path: Path) -> None:
    f = Federation()
    quotas = Quotas(messages_per_day=10, urgent_reserve=20)
    clock = Clock()
    async with running(f, tmp_path, quotas=quotas, clock=clock) as core:
        for _ in range(8):
            await send(core, "be", f.envelope("be", "pt"))
        before = dict(f["be"].sent)
        assert await refused(core, "be", f.envelope("be", "pt")) == "quota"
        f["be"].sent = before
        for _ in range(2):
            await send(core, "be", f.envelope("be", "pt", urgent=True))
        before = dict(f["be"].sent)
        assert await refused(core, "be", f.envelope("be", "pt", urgent=True)) == "quota"
        f["be"].sent = before
        await send(core, "nl", f.envelope("nl", "pt"))
        clock.now += 24 * 3600
        await send(core, "be", f.envelope("be", "pt"))


async def test_h4_bytes_count_attachments_too(tmp_path: Path) -> None:
    f = Federation()
    quotas = Quotas(bytes_per_member=190_000, urgent_reserve=0)
    async with running(f, tmp_path, quotas=quotas) as core:
        data = ciphertext(1)
        await put(core, "be", data)
        await put(core, "be", ciphertext(1))
        with pytest.raises(RefusedError) as caught:
            await put(core, "be", ciphertext(1))
        assert caught.value.reason == "quota"
        await send(core, "be", f.envelope("be", "pt", attachments=[data]))
        for _ in range(6):
            await send(core, "be", f.envelope("be", "pt"))
        assert await refused(core, "be", f.envelope("be", "pt")) == "quota"


async def test_h4_a_full_mailbox_is_full_for_one_sender(tmp_path: Path) -> None:
    f = Federation()
    quotas = Quotas(pending_per_recipient=4, urgent_reserve=25)
    async with running(f, tmp_path, quotas=quotas) as core:
        for _ in range(3):
            await send(core, "be", f.envelope("be", "pt"))
        number = f["be"].sent["pt"]
        assert await refused(core, "be", f.envelope("be", "pt")) == "quota"
        f["be"].sent["pt"] = number
        found = await send(core, "be", f.envelope("be", "pt", "es"))
        [[_, raw]] = await core.statements("be", [found.receipt.index + 1])
        body = statement_pb2.Undeliverable.FromString(statement.decode(raw).body)
        assert (body.recipient, body.code) == ("pt", statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL)
        await send(core, "be", f.envelope("be", "pt", urgent=True))
        await send(core, "nl", f.envelope("nl", "pt"))


async def test_attachments_are_the_senders_complete_and_of_one_message(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        data = ciphertext(300_000)
        root = stream(data).root
        fresh = dict(f["be"].sent)
        assert await refused(core, "be", f.envelope("be", "pt", attachments=[data])) == "attachment_missing"
        f["be"].sent = dict(fresh)
        part = data[: limits.CHUNK + limits.TAG]
        await core.put_attachment("be", root=root, size=len(data), offset=0, data=part)
        assert await refused(core, "be", f.envelope("be", "pt", attachments=[data])) == "attachment_missing"
        f["be"].sent = dict(fresh)
        await core.put_attachment("be", root=root, size=len(data), offset=len(part), data=data[len(part) :])
        assert await refused(core, "nl", f.envelope("nl", "pt", attachments=[data])) == "attachment_missing"
        assert await refused(core, "be", f.envelope("be", "pt", attachments=[data, data])) == "wrong_context"
        f["be"].sent = dict(fresh)
        await send(core, "be", f.envelope("be", "pt", attachments=[data]))
        assert await refused(core, "be", f.envelope("be", "pt", attachments=[data])) == "wrong_context"


async def test_negative_control_signatures_are_what_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With verification taken out the forgery of the test above is logged: the test can fail."""
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        decoded = statement.decode(envelope.statement)
        stripped = replace(decoded.blocks[0], ml_dsa_65=bytes(limits.ML_DSA_65_SIGNATURE))
        forged = statement.Statement("header", decoded.body, (stripped,)).raw
        monkeypatch.setattr(statement, "verify", lambda *_, **__: None)
        found = await send(core, "be", replace(envelope, statement=forged))
        directory = core.state.directory
        opened = open_checkpoint(
            found.receipt.checkpoint, origin=directory.origin, key=directory.log_key(core.state.size)
        )
        assert opened.size == core.state.size


async def test_h12_no_urgent_message_by_one_where_the_policy_asks_for_two(tmp_path: Path) -> None:
    f, desks, second = Federation(), PrivateKey.generate(), PrivateKey.generate()
    async with running(f, tmp_path) as core:
        current = core.state.directory
        be = current.member("be")
        keys = (*be.keys, new_key(desks.public), new_key(second.public, label="second"))
        members = [replace(be, keys=keys, policy={Act.URGENT: 2}), *current.members.values()]
        draft = replace(Draft.of(current), members={one.id: one for one in reversed(members)}.values())
        made = successor(draft, current=current, now_minutes=NOW // 60)
        made = sign_directory(made, f.root, network_id=f.network_id)
        await tell(core, "be", PublishIn(made.statement, made.members))
        assert await refused(core, "be", f.envelope("be", "pt", urgent=True)) == "bad_signature"
        # The desk's two keys are one person; without its second block a header is none.
        for key, reason in ((desks, "bad_signature"), (second, None)):
            signers = (f["be"].key.public.id, key.public.id)
            envelope = f.envelope("be", "pt", urgent=True, signers=signers)
            assert await refused(core, "be", envelope) == "bad_signature"
            signed = statement.cosign(statement.decode(envelope.statement), key, network_id=f.network_id)
            both = replace(envelope, statement=signed.raw)
            if reason:
                assert await refused(core, "be", both) == reason
            else:
                await send(core, "be", both)
        await send(core, "be", f.envelope("be", "pt"))
