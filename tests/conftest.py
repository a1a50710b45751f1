"""Hypothesis without deadlines: a busy machine is no defect. In CI the examples are the same every time."""

import os

import mce_relay  # noqa: F401 - before grpc is: it decides which TLS versions are spoken
from hypothesis import HealthCheck, settings

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
