"""Every defence named in docs/threats.md, and the test that fails without it.

`python -m tests.attacks` takes out each in turn, by changing the lines that are the defence and no
others, and prints id, test and whether it failed; with `--check` it only holds table, tests and code
against each other, in a second.
"""
