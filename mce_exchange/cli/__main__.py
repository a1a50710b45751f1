"""`python -m mce_exchange.cli`."""

from mce_exchange.cli import main

main()
