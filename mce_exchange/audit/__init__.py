"""What anyone can check without reading a case: evidence files (SPEC section 12).

`records` is the file, `verify` judges it, `report` says what was found, `build` writes one. No
network, no home, no gRPC, and no trust beyond a root fingerprint.
"""
