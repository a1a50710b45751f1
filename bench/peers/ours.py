"""mce-exchange: the real relay, real nodes behind the facade, real homes."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peers.figures import Delays, Flow
from bench.peers.network import Network
from bench.peers.processes import working

SETTINGS: Final = (
    "nodes behind the facade, up to 64 messages a call as a node does by itself; the application"
    " acknowledges together what has come together; quotas lifted"
)
_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Ours:
    """The three runs, each in a new network."""

    name: str = "mce-exchange"

    def flow(self, folder: Path, count: int) -> Flow:
        """`count` messages sealed beforehand, from the first submitted to the last known as delivered."""
        with _network(folder, ("be", "pt")) as network, network.relay() as relay:
            send = _role(network, "be", count=count, to=["pt"])
            take = _role(network, "pt", count=count)
            roles = (("ours_roles", "send", send), ("ours_roles", "take", take))
            with working(*roles, seconds=_SECONDS) as (sender, taker):
                before = relay.cpu()
                taker.tell()
                sender.tell()
                sent, taken = sender.answer(), taker.answer()
                cpu = {"sender": sent["cpu"], "server": relay.cpu() - before, "recipient": taken["cpu"]}
            return Flow(messages=count, seconds=sent["done"] - sent["begun"], cpu=cpu)

    def delays(self, folder: Path, rate: float, count: int) -> Delays:
        """`count` messages at `rate` a second, sealing included; `handing` ends with the durable outbox."""
        with _network(folder, ("be", "pt")) as network, network.relay():
            send = _role(network, "be", count=count, to=["pt"], rate=rate)
            take = _role(network, "pt", count=count)
            sent, taken = _both("pace", send, "take", take)
        handed = sent["handed"].items()
        return Delays(
            given=[(taken["given"][id_] - begun) * 1e3 for id_, (begun, _) in handed],
            handing=[(taken_over - begun) * 1e3 for _, (begun, taken_over) in handed],
        )

    def stages(self, folder: Path, rate: float, count: int) -> list[Mapping[str, float]]:
        """Of each message at `rate` a second, when it was at which stage, by name, in seconds."""
        with _network(folder, ("be", "pt")) as network, network.relay():
            send = _role(network, "be", count=count, to=["pt"], rate=rate, stamps=True)
            take = _role(network, "pt", count=count, stamps=True)
            sent, taken = _both("pace", send, "take", take)
        return [
            {
                "handed": handed,
                "stored": stored,
                **{name: sent[name][id_] for name in ("submitted", "receipt")},
                **{name: taken[name][id_] for name in ("came", "taken", "given")},
            }
            for id_, (handed, stored) in sent["handed"].items()
        ]

    def arrivals(self, folder: Path, recipients: int, count: int) -> tuple[Delays, Delays]:
        """`count` messages to all of some connected members: when the first, when the last had each."""
        names = [f"m{number}" for number in range(recipients)]
        with _network(folder, ("be", *names)) as network, network.relay():
            send = _role(network, "be", count=count, to=names, rate=0.5)
            take = {"folder": str(network.folder), "members": names, "count": count}
            sent, taken = _both("pace", send, "take_all", take)
        after = [[at - sent["handed"][id_][0] for at in all_] for id_, all_ in taken["given"].items()]
        return (
            Delays(given=[min(one) * 1e3 for one in after]),
            Delays(given=[max(one) * 1e3 for one in after]),
        )


def _role(network: Network, member: str, **config: Any) -> dict[str, Any]:
    return {"home": str(network.folder / member), "member": member, **config}


def _both(sending: str, send: dict[str, Any], taking: str, take: dict[str, Any]) -> tuple[Any, Any]:
    roles = (("ours_roles", sending, send), ("ours_roles", taking, take))
    with working(*roles, seconds=_SECONDS) as (sender, taker):
        taker.tell()
        sender.tell()
        return sender.answer(), taker.answer()


@contextmanager
def _network(folder: Path, members: Sequence[str]) -> Iterator[Network]:
    with tempfile.TemporaryDirectory(dir=folder, prefix="ours-") as data:
        yield Network(Path(data), members)
