"""Attachments: parts, resuming, roots, who may fetch, and what a crash leaves (threats E13, H2, H6)."""

import secrets
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mce_relay.blobs import check_part
from mce_relay.core import Core
from mce_relay.store.protocol import Upload, Usage
from mce_relay.values import DAY, AttachmentState

from mce_exchange import limits
from mce_exchange.errors import RefusedError
from mce_exchange.log import merkle
from mce_exchange.padding import is_padded_size
from tests.relay.federation import CHUNK, NOW, Clock, Federation, ciphertext, put, running, send, stream


async def part(core: Core, data: bytes, offset: int, length: int, *, member: str = "be") -> AttachmentState:
    root = stream(data).root
    return await core.put_attachment(
        member, root=root, size=len(data), offset=offset, data=data[offset : offset + length]
    )


async def reason(core: Core, data: bytes, offset: int, length: int, *, member: str = "be") -> str:
    with pytest.raises(RefusedError) as caught:
        await part(core, data, offset, length, member=member)
    return caught.value.reason


async def fetch(core: Core, member: str, root: bytes) -> bytes:
    leaves, size = await core.attachment(member, root)
    hashes = [leaves[at : at + 32] for at in range(0, len(leaves), 32)]
    assert merkle.root(hashes) == root
    data = b""
    while got := await core.attachment_part(member, root, len(data)):
        data += got
    assert len(data) == size
    return data


async def test_parts_in_order_and_the_parties_get_them_back(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        data = ciphertext(3_000_000)
        assert len(data) > 2 * limits.PART
        root = await put(core, "be", data)
        with pytest.raises(RefusedError):
            await core.attachment("be", root)
        await send(core, "be", f.envelope("be", "pt", "xx", attachments=[data]))
        assert await fetch(core, "pt", root) == data
        assert await fetch(core, "be", root) == data
        assert await core.attachment_part("pt", root, len(data)) == b""
        for beyond in (-1, len(data) + 1, 2**64 - 1):
            with pytest.raises(RefusedError) as caught:
                await core.attachment_part("pt", root, beyond)
            assert caught.value.reason == "wrong_offset"
        for stranger in ("es", "aud", "xx", f.relay_id):
            with pytest.raises(RefusedError) as caught:
                await core.attachment_part(stranger, root, 0)
            assert caught.value.reason == "not_found"


async def test_an_upload_goes_on_where_it_stopped_even_after_a_restart(tmp_path: Path) -> None:
    f = Federation()
    data = ciphertext(900_000)
    root = stream(data).root
    async with running(f, tmp_path) as core:
        assert await core.attachment_status("be", root) == AttachmentState(0, complete=False)
        assert await part(core, data, 0, CHUNK) == AttachmentState(CHUNK, complete=False)
        assert await reason(core, data, 0, CHUNK) == "wrong_offset"
        assert await reason(core, data, 2 * CHUNK, CHUNK) == "wrong_offset"
        assert await core.attachment_status("pt", root) == AttachmentState(0, complete=False)
        assert await reason(core, data, CHUNK, CHUNK, member="pt") == "wrong_context"
    # A torn write: ciphertext beyond what the hashes cover is not held, and is written over.
    with (tmp_path / "attachments" / root.hex()).open("ab") as file:
        file.write(secrets.token_bytes(1000))
    async with running(f, tmp_path) as core:
        assert await core.attachment_status("be", root) == AttachmentState(CHUNK, complete=False)
        assert (await part(core, data, CHUNK, limits.PART)).complete
        assert await part(core, data, 0, CHUNK) == AttachmentState(len(data), complete=True)
        await send(core, "be", f.envelope("be", "pt", attachments=[data]))
        assert await fetch(core, "pt", root) == data


async def test_e13_bytes_that_are_not_the_root_are_discarded(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        data = ciphertext(600_000)
        root = stream(data).root
        one, two = data[:CHUNK], data[CHUNK : 2 * CHUNK]
        for wrong in (two + one + data[2 * CHUNK :], data[:-1] + bytes([data[-1] ^ 1])):
            with pytest.raises(RefusedError) as caught:
                await core.put_attachment("be", root=root, size=len(data), offset=0, data=wrong)
            assert caught.value.reason == "wrong_context"
            assert not list((tmp_path / "attachments").iterdir())
            assert await core.attachment_status("be", root) == AttachmentState(0, complete=False)
        assert (await part(core, data, 0, limits.PART)).complete


async def test_a_crash_before_completion_is_made_up_at_the_next_question(tmp_path: Path) -> None:
    f = Federation()
    data = ciphertext(1)
    root = stream(data).root
    async with running(f, tmp_path) as core:
        await part(core, data, 0, len(data))
        undone = Upload(root=root, owner="be", size=len(data), started=NOW)
        await core._sequencer.run(lambda group: group.tx.put_upload(undone))
    async with running(f, tmp_path) as core:
        assert await core.attachment_status("be", root) == AttachmentState(len(data), complete=True)


async def test_orphans_and_stray_files_are_swept(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, orphan_age=2.0 * DAY) as core:
        kept, whole, half = ciphertext(1), ciphertext(1), ciphertext(600_000)
        await put(core, "be", kept)
        await send(core, "be", f.envelope("be", "pt", attachments=[kept]))
        await put(core, "be", whole)
        await part(core, half, 0, CHUNK)
        (tmp_path / "attachments" / secrets.token_hex(32)).write_bytes(b"stray")
        clock.now += 2 * DAY - 1
        await core.sweep()
        assert (await core.attachment_status("be", stream(half).root)).held == CHUNK
        clock.now += 1
        await core.sweep()
        names = {path.stem for path in (tmp_path / "attachments").iterdir()}
        assert names == {stream(kept).root.hex()}
        assert (await core.attachment_status("be", stream(half).root)).held == 0
        assert await fetch(core, "pt", stream(kept).root) == kept


@pytest.mark.parametrize(
    ("size", "offset", "length", "expected"),
    [
        (CHUNK, 0, limits.PART + 1, "too_large"),
        (2**50, 0, CHUNK, "too_large"),
        (CHUNK + 1, 0, CHUNK, "too_large"),
        (0, 0, 0, "too_large"),
        (65_552, 0, 0, "wrong_offset"),
        (65_552, 0, 65_551, "wrong_offset"),
        (65_552, 65_552, 1, "wrong_offset"),
        (65_552, -CHUNK, 65_552, "wrong_offset"),
        (4 * CHUNK, 1, CHUNK, "wrong_offset"),
        (4 * CHUNK, 0, CHUNK - 1, "wrong_offset"),
    ],
)
def test_h2_parts_out_of_bounds_are_refused_before_anything_is_looked_up(
    size: int, offset: int, length: int, expected: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        check_part(bytes(32), size, offset, bytes(length))
    assert caught.value.reason == expected


@given(size=st.integers(0, 8 * CHUNK), offset=st.integers(-1, 8 * CHUNK), length=st.integers(0, 64))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_passes_the_bounds_is_whole_chunks_of_a_padded_size(
    size: int, offset: int, length: int
) -> None:
    data = bytes(min(length * CHUNK, limits.PART))
    try:
        check_part(bytes(32), size, offset, data)
    except RefusedError:
        return
    assert is_padded_size(size - -(-size // CHUNK) * limits.TAG, payload=False)
    assert offset % CHUNK == 0
    assert offset + len(data) <= size


async def test_h6_a_root_is_32_bytes_and_never_a_path(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        data = ciphertext(1)
        for root in (b"", b"../../etc/passwd", b"\0" * 31, b"/" * 33):
            with pytest.raises(RefusedError) as caught:
                await core.put_attachment("be", root=root, size=len(data), offset=0, data=data)
            assert caught.value.reason == "malformed"
            assert await core.attachment_status("be", root) == AttachmentState(0, complete=False)
        assert not list((tmp_path / "attachments").iterdir())


async def test_h4_room_that_is_no_longer_taken_is_the_members_again(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    wrong, orphan, sent = ciphertext(1), ciphertext(600_000), ciphertext(300_000)

    async def held(core: Core) -> int:
        usage: Usage = await core._ask(lambda reader: reader.usage("be"))
        return usage.held

    async with running(f, tmp_path, clock=clock, erasure_grace=0.0, orphan_age=100.0) as core:
        with pytest.raises(RefusedError):
            await core.put_attachment(
                "be", root=stream(wrong).root, size=len(wrong), offset=0, data=bytes(len(wrong))
            )
        assert await held(core) == 0
        await part(core, orphan, 0, CHUNK)
        assert await held(core) == len(orphan)
        # What a kill right after the reservation leaves: room taken, and no file.
        for path in (tmp_path / "attachments").iterdir():
            path.unlink()
    async with running(f, tmp_path, clock=clock, erasure_grace=0.0, orphan_age=100.0) as core:
        await put(core, "be", sent)
        envelope = f.envelope("be", "pt", attachments=[sent], lifetime_seconds=60)
        await send(core, "be", envelope)
        assert await held(core) == len(orphan) + len(sent) + len(envelope.payload)
        clock.now += 101
        await core.sweep()
        assert await held(core) == 0
