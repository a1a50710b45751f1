"""Peak memory of work done in a process of its own, above what the process held before it.

python -m bench.memory MODULE FUNCTION ARGUMENTS…     prints one JSON line: seconds, idle, peak, result
"""

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a child did: seconds, and bytes resident before it began and at most."""

    seconds: float
    idle: int
    peak: int

    @property
    def above(self) -> int:
        """Bytes above idle."""
        return self.peak - self.idle


def resident(pid: int | str = "self", line: str = "VmRSS") -> int:
    """A line of /proc/PID/status in bytes: VmRSS now, VmHWM at most so far."""
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith(line + ":"):
            return int(text.split()[1]) * KIB
    raise RuntimeError(f"the kernel shows no {line} of process {pid}")


def measured(module: str, function: str, arguments: Sequence[str]) -> Work:
    """Run `module.function(*arguments)` in a new interpreter, which first runs `module.warm()`."""
    command = [sys.executable, "-m", "bench.memory", module, function, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{module}.{function} ended {done.returncode}: {done.stderr[-500:]}")
    return Work(**json.loads(done.stdout))


def peak_of(command: Sequence[str]) -> Work:
    """Run a foreign program to its end. What it holds when idle is not known, so all of it counts.

    Its peak is watched while it runs: what the kernel reports at the end begins with the size of its parent.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peaks = [0]

    def watch() -> None:
        with suppress(OSError, RuntimeError):
            while process.returncode is None:
                peak = resident(process.pid, "VmHWM")
                # Until it has become the program, it is a copy of us.
                if os.readlink(f"/proc/{process.pid}/exe") != os.readlink("/proc/self/exe"):
                    peaks.append(peak)
                time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate(timeout=900)
    seconds = time.perf_counter() - start
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended {process.returncode}: {errors.decode()[-500:]}")
    return Work(seconds=seconds, idle=0, peak=max(peaks))


def main() -> None:
    """The child."""
    name, function, *arguments = sys.argv[1:]
    module = importlib.import_module(name)
    module.warm()
    idle = resident()
    # 5 resets the high-water mark to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    getattr(module, function)(*arguments)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "idle": idle, "peak": resident(line="VmHWM")}))


if __name__ == "__main__":
    main()
