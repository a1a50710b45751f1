"""Power that fails around every sync of a few transactions (threat L4)."""

import asyncio
import random
import secrets
from copy import deepcopy
from pathlib import Path

from tests.storage.power import Entry, Sync, cut, recorded
from tests.storage.story import Promises, Story

CUTS = 40
"""In a test run, at other moments each time."""


async def told(story: Story, folder: Path) -> list[Entry]:
    """The diary of a whole run; what had been promised when stands in it."""
    diary: list[Entry] = []
    with recorded(diary):
        await story.run(story.copy(folder), None, lambda promises: diary.append(deepcopy(promises)))
    return diary


async def survived(story: Story, folder: Path, diary: list[Entry], moment: int, seed: int) -> None:
    """The relay after a cut: it goes on, with everything that it had promised by then."""
    cut(story.copy(folder), diary, moment, random.Random(seed))
    before = [one for one in diary[:moment] if isinstance(one, Promises)]
    promises = deepcopy(before[-1]) if before else Promises(story.origin, story.f.relay_keys.log)
    await story.check(folder, promises)


def test_l4_a_power_cut_takes_back_nothing_that_was_promised(tmp_path: Path) -> None:
    story = Story(tmp_path, attachments=False)
    diary = asyncio.run(told(story, tmp_path / "whole"))
    syncs = [at for at, entry in enumerate(diary) if isinstance(entry, Sync)]
    assert len(syncs) > 15
    # Just before a sync, just after it, and after what was said next.
    moments = sorted({at + more for at in syncs for more in (0, 1, 2)} | {len(diary)})
    chosen = random.sample(moments, min(CUTS, len(moments)))
    for moment in chosen:
        seed = secrets.randbelow(2**32)
        try:
            asyncio.run(survived(story, tmp_path / str(moment), diary, moment, seed))
        except BaseException as error:
            error.add_note(f"cut after {moment} of {len(diary)}, seed {seed}")
            raise
