"""Seeded histories of honest nodes, witnesses and an auditor, with a relay that lies (SPEC section 9.11).

A seed is a history: who writes to whom and when, and which misdeeds the relay commits meanwhile. Nodes and
homes are the real ones; the relay is hostile and stands here; time is virtual, nothing sleeps. Afterwards
every misdeed has become its alarm, at whom it concerns and in time; no alarm is without its misdeed; every
message came once, as it was sent, or its sender was told; and no evidence shows what did not happen.

    python -m tests.simulation --from 1 --seeds 100000
"""
