"""Measured beside floors and peers: `python -m bench`, by `make bench` and `make bench-quick`.

    frame         sides that take turns, medians, ratios of pairs, tables
    install       peers, fetched only when asked for; one that cannot be had is named as not run
    memory        peak memory of a process above what it had before
    sealing  attachments  relay  growth      the comparisons, each a function of a `Scale`
    peers         publish, deliver, acknowledge through other message systems

Nothing here is imported by the library, the relay or their tests, except for one run of tiny sizes.
"""
