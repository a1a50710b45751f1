"""Signed, end-to-end-encrypted case messages between missing-children hotlines.

A hotline's home holds its keys and mail; open it, and its node runs until the block ends:

    from mce_exchange import open_home

    async with open_home("be", passphrase) as hotline:
        await hotline.send(report, to=["pt", "es"], attachments=["photo.png"])
        async for item in hotline.inbox():
            print(item.sender, item.message)
            await item.acknowledge()

What is handed over is encrypted, signed and on disk when `send` returns. What comes is given again
until it is acknowledged or refused, in this process or a later one, and never after. The relay in
between reads none of it, and `verify_evidence` proves from a file who sent what to whom.

Sealing and opening are two verbs, without home or relay: see `mce_exchange.sealing`. The bytes, what each
signature asserts and the order of every check stand in SPEC.md; errors say whose fault it is
(`mce_exchange.errors`). Names are loaded when they are used, so a process holds no code it does not need.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mce_exchange.audit.verify import verify_evidence
    from mce_exchange.case import CaseMessage
    from mce_exchange.client.approving import Approval, read_second
    from mce_exchange.client.asking import Question
    from mce_exchange.client.attaching import File
    from mce_exchange.client.facade import Hotline, Item, open_home
    from mce_exchange.errors import MceError
    from mce_exchange.hotline.receiving import Refusal
    from mce_exchange.store.alarms import Alarm

_HOMES: Final = {
    "Alarm": "store.alarms",
    "Approval": "client.approving",
    "CaseMessage": "case",
    "File": "client.attaching",
    "Hotline": "client.facade",
    "Item": "client.facade",
    "MceError": "errors",
    "Question": "client.asking",
    "Refusal": "hotline.receiving",
    "open_home": "client.facade",
    "read_second": "client.approving",
    "verify_evidence": "audit.verify",
}

__all__ = [
    "Alarm",
    "Approval",
    "CaseMessage",
    "File",
    "Hotline",
    "Item",
    "MceError",
    "Question",
    "Refusal",
    "open_home",
    "read_second",
    "verify_evidence",
]


if not TYPE_CHECKING:  # a checker that knew this function would believe any name

    def __getattr__(name: str) -> object:
        """A public name from the module it lives in, which is loaded now and not before."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)

    def __dir__() -> list[str]:
        """The public names."""
        return sorted(__all__)
