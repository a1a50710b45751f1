"""`mce`: a hotline's node and its desk on the command line.

`setup` makes and joins, `mail` sends and answers, `running` runs the node, `evidence` proves,
`directory` is the federation's ceremony, `common` what all of them share.
"""

import sys

from mce_exchange.cli import directory, evidence, mail, running, setup
from mce_exchange.cli.common import EXIT, app, tell
from mce_exchange.errors import MceError

__all__ = ["main"]

for module in (setup, mail, running, evidence, directory):
    module.register(app)


def main() -> None:
    """The command's entry point; the exit code says whose fault an error is."""
    try:
        sys.exit(app())
    except MceError as error:
        tell(error)
        sys.exit(EXIT[error.fault])
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
