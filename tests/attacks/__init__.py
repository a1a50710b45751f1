"""Every defence named in docs/threats.md, and the test that fails without it.

`python -m tests.attacks` switches off each in turn and prints id, test and whether it failed.
"""
