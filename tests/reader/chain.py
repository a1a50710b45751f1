"""How one Directory follows another: the genesis, thresholds, lives (SPEC 8.2, 8.3).

Whatever is wrong with a Directory is `directory` (section 11); `cause` keeps the finer code.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from . import framing
from .directory import LEFT, Directory, added, named_lives, read, removed
from .primitives import sha256
from .refusal import RefusalError, must
from .signatures import check_blocks
from .wire import decode

T = TypeVar("T")


def open_genesis(raw: bytes, members: Sequence[bytes], network_id: bytes) -> Directory:
    return _blamed(lambda: _genesis(raw, members, network_id))


def open_next(current: Directory, raw: bytes, members: Sequence[bytes], index: int) -> Directory:
    return _blamed(lambda: _next(current, raw, members, index))


def _blamed(made: Callable[[], T]) -> T:
    try:
        return made()
    except RefusalError as refused:
        raise RefusalError("directory", refused.why, cause=refused.code) from refused


def _genesis(raw: bytes, members: Sequence[bytes], network_id: bytes) -> Directory:
    statement = framing.parse(raw)
    must(statement.type == "directory", "context", "not a Directory")
    must(sha256(b"mce1-genesis\0" + statement.body) == network_id, "context", "another network's genesis")
    body = decode("Directory", statement.body)
    directory = read(statement, body, members, network_id, None, 0)
    _threshold(directory, directory, directory)
    _lives(directory, None)
    return directory


def _next(current: Directory, raw: bytes, members: Sequence[bytes], index: int) -> Directory:
    statement = framing.parse(raw)
    must(statement.type == "directory", "context", "not a Directory")
    must(index > current.indices[-1], "context", "not above the version before")
    must(not current.body.has("closed"), "context", "the version before has closed the log")
    body = decode("Directory", statement.body)
    directory = read(statement, body, members, current.network_id, current, index)
    _threshold(directory, current, directory)
    _threshold(directory, directory, directory)
    _lives(directory, current)
    return directory


def _threshold(signed: Directory, judge: Directory, new: Directory) -> None:
    ids = [block.key_id for block in signed.statement.blocks]
    must(ids == sorted(ids), "signature", "blocks that do not ascend by key id")
    known = {**judge.living_roots(), **new.living_roots()}
    check_blocks(signed.statement, signed.network_id, known)
    living = judge.living_roots()
    threshold = judge.body.number("root_threshold")
    count = sum(key_id in living for key_id in ids)
    must(threshold <= len(living) and count >= threshold, "signature", f"{count} of {threshold} roots")


def _lives(directory: Directory, before: Directory | None) -> None:
    version = directory.version
    old = named_lives(before) if before else {}
    new = named_lives(directory)
    for name, record in new.items():
        start, end = (added(old[name]), removed(old[name])) if name in old else (version, 0)
        must(added(record) == start, "context", f"{name}: another beginning")
        must(removed(record) in ({end} if end else {0, version}), "context", f"{name}: another end")
        must(removed(record) != start, "context", f"{name}: removed by the version that adds it")
    must(old.keys() <= new.keys(), "context", "a key, relay or witness is left out")
    logs = [record for record in directory.body.records("log_keys") if not removed(record)]
    must(len(logs) == 1, "context", "not one living log key")
    for member in directory.members:
        board = [key for key in member.records("board_keys") if not removed(key)]
        threshold = member.number("board_threshold")
        must(bool(threshold) == bool(board) and threshold <= len(board), "context", "a board's threshold")
        keys = [key for key in member.records("keys") if not removed(key)]
        must(member.number("status") != LEFT or not keys + board, "context", "a member left, its keys live")
    _witnesses(directory)


def _witnesses(directory: Directory) -> None:
    witnesses = [record for record in directory.body.records("witnesses") if not removed(record)]
    for field in ("name", "member"):
        names = [record.text(field) for record in witnesses]
        must(len(set(names)) == len(names), "context", f"two living witnesses of one {field}")
    for record in witnesses:
        member = directory.member(record.text("member"))
        must(member is not None and member.number("status") != LEFT, "context", "a witness of no member")
    k, n = directory.quorums[-1]
    holds = (k, n) == (0, 0) or (n == len(witnesses) and n < 2 * k <= 2 * n)
    must(holds, "context", f"a quorum of {k} of {n} for {len(witnesses)} witnesses")
