"""The blind relay of mce-exchange: it takes, logs and hands out what it cannot read.

gRPC takes two settings from the environment only, once, when it loads; so they are made here, before
anything imports it. It has no switch for TLS 1.3 alone: with cipher suites that a P-256 door cannot
serve, nothing older can be agreed on. And its own lines would stand among the structured ones.
"""

import os

os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES128-GCM-SHA256"
os.environ["GRPC_VERBOSITY"] = "NONE"

__version__ = "0.1.0"
