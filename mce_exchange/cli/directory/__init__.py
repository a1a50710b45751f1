"""`mce directory …`: the federation's ceremony, by files (SPEC section 8).

`roots` makes root keys and their sheets, `versions` writes Directories, `orders` revocations and suspensions
by roots, `signing` signs and publishes, `exercise` makes a training federation in one command, `common` is
what they share.
"""

from cyclopts import App

from mce_exchange.cli import lazy

__all__ = ["directory"]

directory = App(name="directory")
lazy.add(
    directory,
    *(
        f"mce_exchange.cli.directory.{command}"
        for command in (
            "roots:root",
            "roots:sheet",
            "versions:genesis",
            "versions:add",
            "versions:change",
            "versions:show",
            "signing:sign",
            "signing:publish",
            "orders:revoke",
            "orders:suspend",
            "exercise:exercise",
        )
    ),
)
