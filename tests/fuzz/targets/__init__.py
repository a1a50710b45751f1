"""Every parser of bytes or text from outside, by area, and the errors that each may raise."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.fuzz.target import Target, declared
from tests.fuzz.targets import case, directory, formats, local, log, node, relay, sealing

TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.name: target
        for area in (formats, directory, log, sealing, case, node, relay, local)
        for target in area.TARGETS
    }
)
DECLARED: Final = MappingProxyType(declared(TARGETS.values()))
