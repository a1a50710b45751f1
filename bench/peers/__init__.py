"""Publish, deliver, acknowledge: ours and three other message systems, by the same bytes.

    figures       what a run gives: a flow, delays, arrivals
    processes     servers and workers in processes of their own, ended whatever happens
    worker        one side's sender or recipient in its own process: `python -m bench.peers.worker`
    network       a synthetic federation in a folder
    ours  nats  rabbitmq  synapse      one system each: its server, its two roles, how it is set
    debian        packages unpacked beside the bench, so that nothing is installed
    end_to_end    the comparison

Each side has a server, a sender and a recipient, each in a process of its own, on loopback, with its
data in a new folder for every run. Our relay and recipient verify both signatures of every message;
the others verify nothing. A side that cannot be had raises `NotRun` with the reason.
"""

from collections.abc import Sequence

from bench.frame import Scale, Table


def run(scale: Scale) -> Sequence[Table]:
    """Every table of this part."""
    from bench.peers import end_to_end

    return end_to_end.run(scale)
