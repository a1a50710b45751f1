"""Who may speak: the Directory, its chain of trust, and the public state of the log (SPEC section 8).

Read `model` for the values, `trust` for how one version follows from the one before, `public` for
what everybody knows at a log index, `authority` for who signed a Statement and whether they may,
`compose` for writing a Directory. All of it is functions of bytes: no I/O, no clock.
"""
