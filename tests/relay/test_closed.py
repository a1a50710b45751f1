"""A log that the federation has ended: nothing is added, everything can be read (SPEC 9.10)."""

from pathlib import Path
from typing import Any

import pytest
from mce_relay.values import PublishIn

from mce_exchange.directory import changes, compose
from mce_exchange.errors import RefusedError, UsageError
from mce_exchange.hotline import prekeys
from tests.relay.federation import NOW, Clock, Federation, running, send, tell
from tests.relay.test_succession import followed, reasons


async def test_a_log_that_has_ended_is_read_and_nothing_else(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    settings: dict[str, Any] = {"anchor_interval": 60.0, "erasure_grace": 60.0}
    async with running(f, tmp_path, clock=clock, **settings) as core:
        envelope = f.envelope("be", "pt", deadline_class=1)
        index = (await send(core, "be", envelope)).receipt.index
        current = core.state.directory
        draft = changes.close(compose.Draft.of(current), bytes(range(32)))
        bundle = compose.successor(draft, current=current, now_minutes=NOW // 60)
        bundle = compose.sign_directory(bundle, f.root, network_id=f.network_id)
        await tell(core, "be", PublishIn(bundle.statement, bundle.members))
        size = core.state.size
        answer = f.delivered("pt", (f.id(envelope.statement), index, 0))
        late = [await core.submit("es", [f.envelope("es", "pt")]), await core.publish("pt", [answer])]
        assert [reasons(one) for one in late] == [["wrong_context"], ["wrong_context"]]
        # Deadline, expiry and erasure come, and are said nowhere; the anchor over all of it is still made.
        for seconds in (3700, 100 * 24 * 3600, 61):
            clock.now += seconds
            await core.sweep()
        assert core.state.size == size
        assert await core._ask(lambda reader: reader.payload(index)) is None
        assert core.state.open_anchor(await core.anchor(0)).checkpoint.size == size
    async with running(f, tmp_path, clock=clock, **settings) as core:
        assert core.state.size == size
        assert core.state.directory.successor == bytes(range(32))
        follower = await followed(f, core, 2**20)
        assert follower.state.directory.closed
        assert [raw for _, raw in await core.statements("pt", [index])] == [envelope.statement]
        with pytest.raises(UsageError, match="ended this log"):
            prekeys.to_send(follower.state, "pt", now_minutes=NOW // 60)
        assert not prekeys.due(follower.state, "pt", now_minutes=NOW)
        with pytest.raises(RefusedError):
            await tell(core, "be", f.prekey("be"))
