"""What a relay can do to its members: one class each."""

from tests.simulation.misdeeds import lying, refusing, thieving, views, withholding
from tests.simulation.misdeeds.base import Misdeed

_MODULES = (withholding, refusing, lying, views, thieving)
CATALOGUE: dict[str, type[Misdeed]] = {
    name: one
    for module in _MODULES
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, Misdeed) and one.__module__ == module.__name__
}
"""By name, in the order of the table in SPEC section 9.11."""
