"""The blind relay of mce-exchange: it takes, logs and hands out what it cannot read."""

__version__ = "0.1.0"
