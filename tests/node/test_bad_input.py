"""No foreign exception leaves the public API, whatever it is given; and nothing is done (promise 11)."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mce_exchange import CaseMessage, File, Hotline, MceError
from mce_exchange.errors import CaseError, LimitError, UsageError
from tests.node.conftest import SCENARIO, World
from tests.node.test_exchange import SOON, accepted, first, followed, send

UPDATE = SCENARIO.update()
NO_ID = "0" * 64


class Breaks(io.BytesIO):
    """A source whose disk fails in the middle."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError(5, "Input/output error")
        return super().read(100)


class Silent(io.BytesIO):
    """A source that would rather be asked later."""

    def read(self, size: int | None = -1, /) -> bytes:
        return None  # type: ignore[return-value]  # as a non-blocking stream does


def closed() -> io.BytesIO:
    source = io.BytesIO(b"x")
    source.close()
    return source


def file(source: Any = None, name: str = "a.png", media_type: str = "image/png") -> File:
    return File(name=name, media_type=media_type, source=source or io.BytesIO(b"x"))


def messages() -> list[Any]:
    update: Any = UPDATE
    header: Any = UPDATE.header
    return [
        None,
        "a case",
        CaseMessage(header=header, body=None),
        replace(update, header=None),
        replace(update, body=header),
        replace(update, unknown=b"\xff"),
        replace(update, header=replace(header, sent_at=datetime(2026, 1, 1))),  # no zone
        replace(update, header=replace(header, message_id=5)),
        replace(update, header=replace(header, message_id="\ud800")),
        replace(update, header=replace(header, recipient_ids=(1, 2))),
        replace(update, header=replace(header, recipient_ids="pt")),
        replace(update, header=replace(header, handling="red")),
        replace(update, header=replace(header, message_id="x" * 2_000_000)),
    ]


async def test_a_message_that_is_none(world: World) -> None:
    async with world.open("be") as be:
        await followed(be, world)
        for message in messages():
            with pytest.raises((CaseError, LimitError)):
                await be.send(message, to=["pt"])
        assert be.node.home.outbox.count("queued") == 0


SENDS: list[dict[str, Any]] = [
    {"to": []},
    {"to": "pt"},
    {"to": [""]},
    {"to": ["be"]},
    {"to": ["pt", "pt"]},
    {"to": ["fr"]},
    {"to": ["\ud800"]},
    {"to": ["pt"] * 100},
    {"deadline_class": -1},
    {"deadline_class": 256},
    {"supersedes": "zz"},
    {"supersedes": "ab"},
    {"supersedes": "é" * 64},
    {"attachments": [Path("/none/of/it")]},
    {"attachments": [Path("/")]},
    {"attachments": ["a\0b"]},
    {"attachments": [5]},
    {"attachments": [file(io.StringIO("text"))]},
    {"attachments": [file(closed())]},
    {"attachments": [file(Breaks(b"x" * 1000))]},
    {"attachments": [file(Silent())]},
    {"attachments": [file() for _ in range(33)]},
    {"attachments": [file(name="")]},
    {"attachments": [file(name="n" * 256)]},
    {"attachments": [file(name="\ud800")]},
    {"attachments": [file(media_type="")]},
    {"attachments": [file(media_type="m" * 200)]},
]


async def test_a_send_that_cannot_be(world: World) -> None:
    async with world.open("be") as be:
        await followed(be, world)
        for wrong in SENDS:
            with pytest.raises((UsageError, LimitError)):
                await be.send(UPDATE, **{"to": ["pt"], **wrong})
        assert be.node.home.outbox.count("queued") == 0
        assert be.node.home.numbers.next("pt") == (1, b"")
        assert not list((world.folder / "be/attachments").iterdir())


async def test_asking_for_what_is_not_there(world: World, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"x" * 100)
    (tmp_path / "taken").write_bytes(b"")
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world, attachments=[tmp_path / "photo.png"])
        await first(pt)
        calls: list[Callable[[Hotline], Awaitable[object]]] = [
            *(lambda h, bad=bad: h.acknowledge(bad) for bad in ("", "zz", "0" * 63, NO_ID, "\ud800")),
            lambda h: h.acknowledge(id_, NO_ID),
            lambda h: h.refuse("x"),
            lambda h: h.refuse(id_, "because"),  # type: ignore[arg-type]  # the fault
            lambda h: h.sent(id_[:10]),
            lambda h: h.sent(NO_ID),
            lambda h: h.settled(NO_ID),
            *(lambda h, n=n: h.save(id_, n, tmp_path / "new") for n in (-1, 1, 10**30)),
            lambda h: h.save(NO_ID, 0, tmp_path / "new"),
            lambda h: h.save(id_, 0, tmp_path / "taken"),
            lambda h: h.save(id_, 0, tmp_path),
            lambda h: h.save(id_, 0, tmp_path / "none/of/it"),
            lambda h: h.save(id_, 0, "a\0b"),
        ]
        for call in calls:
            with pytest.raises(MceError):
                await call(pt)
        assert not (tmp_path / "new").exists()
        assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["photo.png", "taken"]
        with pytest.raises(MceError):
            await anext(pt.alarms(10**30))
        # None of it has answered the message.
        assert (await first(pt)).id == id_
        assert await pt.case("") == []
        await accepted(be, id_)


async def test_an_attachment_that_was_damaged_since_leaves_no_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(bytes(300_000))
    async with world.open("be") as be, world.open("pt") as pt:
        await send(be, world, attachments=[tmp_path / "photo.png"])
        item = await first(pt)
        [kept] = (world.folder / "pt/attachments").iterdir()
        data = bytearray(kept.read_bytes())
        data[-1] ^= 1
        kept.write_bytes(data)
        with pytest.raises(MceError, match="damaged"):
            await item.save(0, tmp_path / "saved")
        kept.unlink()
        with pytest.raises(MceError):
            await item.save(0, tmp_path / "saved")
    # Not even its beginning is seen (threat E13).
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["photo.png"]


async def test_more_messages_than_one_look_are_all_given(world: World) -> None:
    """Each once to an iteration, however many wait unanswered."""
    async with world.open("be") as be, world.open("pt") as pt:
        await followed(be, world)
        ids = [await be.send(UPDATE, to=["pt"]) for _ in range(30)]
        given: list[str] = []
        async with asyncio.timeout(SOON):
            async for item in pt.inbox():
                given.append(item.id)
                if len(given) == len(ids):
                    break
        assert given == ids
