"""`mce`: a hotline's node and its desk on the command line.

`setup` makes and joins, `mail` sends and answers, `running` runs the node, `evidence` proves,
`keys` is the life of keys, `questions` what a person decides, `directory` the federation's ceremony,
`common` what all of them share.
"""

import sys

from mce_exchange.cli import directory, evidence, keys, mail, questions, running, setup
from mce_exchange.cli.common import EXIT, app, tell
from mce_exchange.errors import MceError

__all__ = ["main"]

for module in (setup, mail, running, keys, questions, evidence, directory):
    module.register(app)


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
