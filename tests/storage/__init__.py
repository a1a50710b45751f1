"""The relay's disk as an adversary: calls that fail, power that fails, bytes that change (threats L4, L5).

`python -m tests.storage --seconds 600` goes through all of it; the tests through a part.
"""
