"""The only package that imports `nacl` and `cryptography` (an import contract holds it to that).

Each module is one job, so that a process loads only what it may do: `verify` (all a relay needs of
members' bytes), `sign`, `kem` and `stream` (opening: never loaded by a relay), `vault` (a home at
rest), `tls` (certificates of the doors). Nothing is re-exported here, for the same reason.
"""
