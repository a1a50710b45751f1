"""Logs that go on from the network's in another way, and what the log's key may be made to sign."""

from collections.abc import Sequence

from mce_exchange.audit.build import Disclosure, Piece, Views, build
from mce_exchange.log import merkle
from mce_exchange.log.note import Algorithm, Note, Signature, key_hash
from tests.federation import LOG, Federation
from tests.fuzz.world import header_id, network, sent_payload


class Log(Federation):
    """The network's log so far, to go on in another way."""

    def __init__(self) -> None:
        self.genesis, self.network_id = network().genesis, network().network_id
        self.state = network().state
        self.raw, self.tree = [], merkle.Tree()
        for raw in network().raw:
            self._append(raw)

    def append(self, raw: bytes) -> int:
        """Log it, whatever it is."""
        return self._append(raw)

    def evidence(
        self, indices: Sequence[int], *, views: Sequence[Views] = (), secrets: Sequence[bytes] = ()
    ) -> bytes:
        """An evidence file of the genesis and some entries; each secret is said to open the message."""
        pieces = [Piece(0, self.genesis.statement, self.genesis.members)]
        pieces += [Piece(index, self.raw[index]) for index in indices]
        shown = [
            Disclosure(header_id=header_id(), stream=0, secret=one, chunks=[sent_payload()])
            for one in secrets
        ]
        records = build(
            pieces,
            network_id=self.network_id,
            tree=self.tree,
            anchor=self.anchor(),
            anchor_size=self.tree.size,
            forks=views,
            disclosures=shown,
        )
        return b"".join(records)


def note(text: bytes) -> bytes:
    """Any text as a note of the log's, which may sign what it likes."""
    origin = network().state.directory.origin
    line = Signature(origin, key_hash(origin, Algorithm.ED25519, LOG[0].public), LOG[0].sign(text))
    return Note(text.decode(errors="replace"), (line,)).encode()
