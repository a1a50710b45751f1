"""`mce directory …`: the federation's ceremony, by files (SPEC section 8).

`roots` makes root keys and their sheets, `versions` writes Directories, `orders` revocations and suspensions
by roots, `signing` signs and publishes, `exercise` makes a training federation in one command, `common` is
what they share.
"""

from cyclopts import App

from mce_exchange.cli.directory import exercise, orders, roots, signing, versions
from mce_exchange.cli.directory.common import directory

__all__ = ["register"]

for command in (
    roots.root,
    roots.sheet,
    versions.genesis,
    versions.add,
    versions.change,
    versions.show,
    signing.sign,
    signing.publish,
    orders.revoke,
    orders.suspend,
    exercise.exercise,
):
    directory.command(command)


def register(app: App) -> None:
    """Add the commands."""
    app.command(directory)
