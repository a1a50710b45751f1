"""The log: an RFC 6962 tree with C2SP checkpoints, as pure functions of bytes (SPEC section 9).

Read `merkle` for the tree, `proof` for what convinces, `note` and `checkpoint` for what the log
signs, `anchor` for what the log and its witnesses sign with a time, `entry` for what a leaf is and
`receipt` for what a sender is given. No I/O, no clock, no gRPC.
"""
