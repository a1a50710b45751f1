"""The running node: it connects outward only, keeps trying, and forgets nothing (SPEC section 9).

`facade` is what an integrator uses, `node` runs the loops, `intake` takes what the log brings,
`dispatch` what we send, `fetch` attachments, `upkeep` keys and alarms; `relay` and `channel` are
the only modules that speak gRPC.
"""
