"""Servers and workers in processes of their own: each with a deadline, none outlives its parent."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.frame import NotRun

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server's whole process group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def cpu(self) -> float:
        """Seconds of processor that its processes have used."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == self._process.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process.poll() is not None


@contextmanager
def serving(
    command: Sequence[str],
    *,
    ready: Callable[[], bool],
    log: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Iterator[Server]:
    """A server from `ready` to the end of the block; `NotRun` with its last words if it does not start."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            _mortal(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    server = Server(process)
    try:
        end = time.monotonic() + seconds
        while not ready():
            if server.ended or time.monotonic() > end:
                last = log.read_text(errors="replace").strip()[-300:]
                raise NotRun(f"{command[0]} did not start: {last}")
            time.sleep(0.05)
        yield server
    finally:
        _end(process)


class Worker:
    """A role of one side: `answer` what it says, `tell` it to go on. Killed at its deadline."""

    def __init__(self, module: str, role: str, config: Mapping[str, Any], *, seconds: float) -> None:
        self._role = f"{module} {role}"
        self._process = subprocess.Popen(
            _mortal([sys.executable, "-m", "bench.peers.worker", module, role, json.dumps(config)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
            text=True,
        )
        self._deadline = threading.Timer(seconds, self._process.kill)
        self._deadline.daemon = True
        self._deadline.start()

    def answer(self) -> Any:
        """What it says next; `NotRun` if it ended instead."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise NotRun(f"{self._role} ended early or took too long")
        return json.loads(line)

    def tell(self) -> None:
        """Let it go on."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """It and what it started."""
        self._deadline.cancel()
        _end(self._process)


@contextmanager
def working(*roles: tuple[str, str, Mapping[str, Any]], seconds: float) -> Iterator[list[Worker]]:
    """Workers, all ready when the block begins, all gone when it has ended."""
    workers: list[Worker] = []
    try:
        workers += [Worker(module, role, config, seconds=seconds) for module, role, config in roles]
        for worker in workers:
            worker.answer()
        yield workers
    finally:
        for worker in workers:
            worker.end()


def listens(port: int) -> bool:
    """Whether something takes connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _mortal(command: Sequence[str]) -> list[str]:
    """The kernel ends it when its parent dies, however it dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


def _end(process: subprocess.Popen[Any]) -> None:
    """Ask, then insist: the group is ours alone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
