"""More histories, other ones each time: python -m tests.delivery --seconds 600

The first that breaks a property is shrunk and shown, and ends it.
"""

import argparse
import sys
import time

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.delivery.test_machine import Delivery

AT_ONCE = 25


def main() -> int:
    """As many as the time allows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="begin no more after so long")
    parser.add_argument("--steps", type=int, default=50, help="rules in a history at most")
    arguments = parser.parse_args()
    chosen = settings(
        max_examples=AT_ONCE,
        stateful_step_count=arguments.steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    histories, end = 0, time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        run_state_machine_as_test(Delivery, settings=chosen)
        histories += AT_ONCE
    print(f"{histories} histories of up to {arguments.steps} steps: every property held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
