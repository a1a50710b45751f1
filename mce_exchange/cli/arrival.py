"""The command that wakes a person when something has come, and that is told nothing of it."""

import asyncio
import shlex
import shutil
import sys
from typing import Final

from mce_exchange.errors import UsageError
from mce_exchange.text import one_line

_SECONDS: Final = 60.0


class Arrival:
    """Runs the command, one at a time: once for all that came while it ran."""

    def __init__(self, command: str) -> None:
        """`UsageError` at once for a command that cannot be run when it is needed."""
        try:
            self._command = shlex.split(command)
        except ValueError:
            raise UsageError("the command of --on-arrival has a quote that does not end") from None
        if self._command and shutil.which(self._command[0]) is None:
            raise UsageError(f"there is no command {self._command[0]} for --on-arrival")
        self._came = asyncio.Event()

    def wake(self) -> None:
        """Something has come."""
        self._came.set()

    async def run(self) -> None:
        """Until cancelled. A command that fails or hangs is told of, and ends nothing else."""
        while True:
            await self._came.wait()
            self._came.clear()
            if self._command:
                await self._once()

    async def _once(self) -> None:
        # Content-free: no id, no sender, nothing of the message, in arguments, environment or input.
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            self._tell(f"cannot be run: {error.strerror}")
            return
        try:
            async with asyncio.timeout(_SECONDS):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            self._tell(f"was ended after {_SECONDS:.0f} s")
            return
        if code:
            self._tell(f"ended with {code}")

    def _tell(self, what: str) -> None:
        print(f"mce: the command of --on-arrival {one_line(what)}", file=sys.stderr, flush=True)
