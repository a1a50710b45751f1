"""`mce audit`: what an auditor, or a member for itself, sees of the log as a whole."""

from cyclopts import App

from mce_exchange.cli import lazy

audit = App(name="audit")
lazy.add(audit, "mce_exchange.cli.watching:watch", "mce_exchange.cli.reporting:report")
