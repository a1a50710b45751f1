"""`mce`: a hotline's node and its desk on the command line.

`setup` makes and joins, `mail` sends and answers, `approving` is the second person's, `running` runs the
node, `doctor` finds what is wrong, `evidence` and `exporting` prove, `auditing` watches, `keys` is the life
of keys, `board` what a hotline's board signs, `witness` cosigns anchors, `questions` what a person decides,
`backup` saves and restores a home, `erasing` destroys, `directory` the federation's ceremony, `common` what
all of them share, `home` what those share that need one.

A module is imported when one of its commands is called: see `lazy`.
"""

import sys

from mce_exchange.cli import lazy
from mce_exchange.cli.common import EXIT, app, tell
from mce_exchange.errors import MceError

__all__ = ["main"]

lazy.add(
    app,
    *(
        f"mce_exchange.cli.{command}"
        for command in (
            "setup:init",
            "setup:card",
            "setup:join",
            "mail:send",
            "mail:inbox",
            "mail:read",
            "mail:ack",
            "mail:refuse",
            "approving:second",
            "approving:approvals",
            "approving:approve",
            "approving:cosign",
            "running:run",
            "running:status",
            "doctor:doctor",
            "doctor:tidy",
            "questions:questions",
            "questions:answer",
            "erasing:erase",
            "erasing:retention",
            "erasing:holders",
            "backup:backup",
            "backup:restore",
            "backup:passphrase",
        )
    ),
)
for group, text in {
    "keys:key": "The life of every key; new ones, revocations, contests.\n\nExample: mce key --home be",
    "board:board": "A hotline's board: its keys, and a new key for a hotline that lost everything.",
    "auditing:audit": "Watch the log: every entry, signature, number, deadline and erasure checked.",
    "evidence:evidence": "Proof of who sent what to whom, when it arrived, that it was erased.",
    "witness:witness": "Cosigning the log's anchors for the federation.\n\nExample: mce witness --home be",
    "directory:directory": "The federation's Directory: make, change, sign, publish.",
}.items():
    app.command(f"mce_exchange.cli.{group}", help=text)


def main() -> None:
    """The command's entry point; the exit code says whose fault an error is."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character shows its number; it is no reason to fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # text streams of the interpreter
    try:
        sys.exit(app(sys.argv[1:]))
    except MceError as error:
        tell(error)
        sys.exit(EXIT[error.fault])
    except ImportError as error:
        found = lazy.missing(error) or _unexpected(error)
        tell(found)
        sys.exit(EXIT[found.fault])
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:  # a defect: told without its words, which may hold a case's
        found = _unexpected(error)
        tell(found)
        sys.exit(EXIT[found.fault])


def _unexpected(error: Exception) -> MceError:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" in {place.tb_frame.f_globals.get('__name__')}, line {place.tb_lineno}" if place else ""
    return MceError(f"an unexpected {type(error).__name__}{where}")
