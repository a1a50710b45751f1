"""Each statement of the writer fails, persisted or not, once and twice in a row (threat L4)."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.storage.failing import FailingStore, failing_syncs
from tests.storage.story import Story

PART = 6
"""One of so many numbers is tried in a test run, others each time."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


def numbers(story: Story, folder: Path) -> int:
    """How many statements an undisturbed run has."""
    store = FailingStore(story.copy(folder))
    promises = asyncio.run(story.run(folder, store))
    asyncio.run(story.check(folder, promises))
    return store.connection.count


async def disturbed(story: Story, folder: Path, plan: frozenset[int], *, persisted: bool) -> None:
    story.copy(folder)
    promises = await story.run(folder, FailingStore(folder, plan, persisted=persisted))
    await story.check(folder, promises)


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_l4_a_statement_that_fails_costs_no_promise_and_no_second_signature(
    story: Story, tmp_path: Path, times: int, persisted: bool
) -> None:
    count = numbers(story, tmp_path / "whole")
    assert count > 60
    first = random.randrange(PART)
    for number in range(1 + first, count + 1, PART):
        plan = frozenset(range(number, number + times))
        try:
            asyncio.run(disturbed(story, tmp_path / str(number), plan, persisted=persisted))
        except BaseException as error:
            error.add_note(f"statements {sorted(plan)} of {count}, persisted {persisted}")
            raise


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_l4_a_file_that_cannot_be_synced_costs_no_promise(
    story: Story, tmp_path: Path, times: int, persisted: bool
) -> None:
    with failing_syncs(frozenset(), persisted=False) as count:
        asyncio.run(story.run(story.copy(tmp_path / "whole"), None))
    assert count[0] > 6
    for number in range(1, count[0] + 1):
        folder, plan = story.copy(tmp_path / str(number)), frozenset(range(number, number + times))
        try:
            with failing_syncs(plan, persisted=persisted):
                promises = asyncio.run(story.run(folder, None))
            asyncio.run(story.check(folder, promises))
        except BaseException as error:
            error.add_note(f"syncs {sorted(plan)} of {count[0]}, persisted {persisted}")
            raise
