"""Whose certificates open the relay's doors, as the log has it now (SPEC 8.7)."""

from collections import Counter
from collections.abc import Mapping

from mce_exchange.directory.model import Directory, Status
from mce_exchange.directory.public import PublicState
from mce_exchange.primitives.tls import is_certificate


class Admitted:
    """The members' certificates and the relay's own; looked at anew only when they may have changed."""

    def __init__(self, relay: str) -> None:
        self._relay = relay
        self._known: tuple[Directory, object, Mapping[bytes, str], tuple[bytes, ...]] | None = None

    def owners(self, state: PublicState) -> Mapping[bytes, str]:
        """By certificate (DER), the id of who presents it."""
        return self._looked(state)[0]

    def doors(self, state: PublicState) -> tuple[bytes, ...]:
        """All of them; the same tuple until they change."""
        return self._looked(state)[1]

    def _looked(self, state: PublicState) -> tuple[Mapping[bytes, str], tuple[bytes, ...]]:
        known = self._known
        if known is None or known[0] is not state.directory or known[1] is not state.doors:
            pairs = [(der, self._relay) for der in state.directory.relays[self._relay].certificates]
            for member in state.directory.members.values():
                # Who is held back still learns in public why; who has left has no door.
                if member.status is not Status.LEFT:
                    pairs += [(der, member.id) for der in state.certificates(member.id)]
            times = Counter(der for der, _ in pairs)
            # What two present says nothing about who comes; what is no certificate opens no door.
            owners = {der: owner for der, owner in pairs if times[der] == 1 and is_certificate(der)}
            doors = tuple(sorted(owners))
            if known is not None and known[3] == doors:
                doors = known[3]
            known = self._known = (state.directory, state.doors, owners, doors)
        return known[2], known[3]
