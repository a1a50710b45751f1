"""The node's rules, without I/O: what to believe of the log, what to do with what it brings (SPEC section 9).

`follow` takes batches of the log, `receiving` judges and opens a message, `answers` makes
acknowledgements and other Statements in our name, `prekeys` says which keys to use, publish and
destroy, `rewrap` when a content key may be wrapped again.
"""
