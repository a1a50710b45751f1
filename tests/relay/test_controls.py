"""Negative controls: with a defence taken out, what its test refuses gets through, so the test can fail."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from mce_relay import engine, engine_publish
from mce_relay.core import Core
from mce_relay.store.protocol import Fate
from mce_relay.store.sqlite import SqliteStore
from mce_relay.store.writes import SqliteWriter
from mce_relay.values import Quotas, Settings

from mce_exchange import limits
from mce_exchange.errors import StoreError
from tests.relay.federation import Clock, Federation, accepted, fate, running, send, tell


async def test_r4_without_looking_for_the_id_a_retry_is_no_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        await send(core, "be", envelope)
        monkeypatch.setattr(engine, "earlier", lambda *_: None)
        monkeypatch.setattr(engine, "_check_numbers", lambda *_: None)
        # The store's own uniqueness is the last line: the id stands in the log once.
        with pytest.raises(StoreError, match="Constraint"):
            await send(core, "be", envelope)


async def test_r5_a_store_that_does_not_commit_is_noticed(tmp_path: Path) -> None:
    class Lying(SqliteStore):
        lie = False

        @contextmanager
        def write(self) -> Iterator[SqliteWriter]:
            with super().write() as writer:
                yield writer
                if self.lie:
                    writer._connection.execute("ROLLBACK; BEGIN IMMEDIATE")

    f, store = Federation(), Lying(tmp_path)
    core = Core(
        data=tmp_path,
        genesis=f.bundle,
        keys=f.relay_keys,
        settings=Settings(sweep_interval=1e6),
        clock=Clock(),
        store=store,
    )
    await core.start()
    for outcome in await core.publish(f.relay_id, f.all_prekeys()):
        accepted(outcome)
    store.lie = True
    promised = await send(core, "be", f.envelope("be", "pt"))
    await core.close()
    async with running(f, tmp_path) as again:
        assert again.state.size == promised.receipt.index, "what was promised is not there"


async def test_r6_without_the_digests_any_wrap_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        monkeypatch.setattr(engine, "check_wrap", lambda *_: None)
        envelope = f.envelope("be", "pt")
        await send(core, "be", replace(envelope, wraps=(secrets.token_bytes(limits.WRAP),)))


async def test_h4_without_the_quota_a_sender_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    f = Federation()
    async with running(f, tmp_path, quotas=Quotas(messages_per_day=1, urgent_reserve=0)) as core:
        monkeypatch.setattr(engine, "share", lambda *_, **__: 2**60)
        for _ in range(3):
            await send(core, "be", f.envelope("be", "pt"))


async def test_r5_without_naming_the_recipient_another_could_acknowledge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        found = await send(core, "be", f.envelope("be", "pt"))
        message = f.id(found.statement), found.receipt.index
        monkeypatch.setattr(
            engine_publish,
            "_acknowledged",
            lambda group, _, items: [engine_publish._place(group, one, n, at) for one, at, n in items],
        )
        await tell(core, "es", f.delivered("es", (*message, 0)))
        assert await fate(core, "pt", message[1]) is Fate.DELIVERED
