"""RabbitMQ: one durable quorum queue on one node, publisher confirms, acknowledgements by the consumer."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers import debian
from bench.peers.processes import Server, free_port, listens, serving
from bench.peers.worker import Config, Gate, body, paced

UVLOOP: Final = True
SETTINGS: Final = (
    "aio-pika on uvloop; publisher confirms with at most 256 under way; prefetch 256;"
    " one acknowledgement for all that have come"
)
_QUEUE: Final = "mail.pt"
_UNDER_WAY: Final = 256


@contextmanager
def serve(folder: Path) -> Iterator[tuple[Server, Config]]:
    """A broker in the foreground, its port mapper too, all of it on loopback and in `folder`."""
    root = debian.folder("rabbitmq-server")
    erlang = root / "usr/lib/erlang"
    [runtime] = erlang.glob("erts-*")
    [sbin] = root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
    port, mapper, inner = free_port(), free_port(), free_port()
    # Debian's `erl` names /usr/lib; this one finds the runtime where it was unpacked.
    erl = folder / "bin/erl"
    erl.parent.mkdir()
    erl.write_text(
        f'#!/bin/sh\nROOTDIR="{erlang}" BINDIR="{runtime}/bin" EMU=beam PROGNAME=erl'
        f' exec "{runtime}/bin/erlexec" "$@"\n'
    )
    erl.chmod(0o755)
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    (folder / "plugins").write_text("[].\n")
    environment = {
        "PATH": f"{erl.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"bench{port}@localhost",
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_DIST_PORT": str(inner),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    epmd = [str(runtime / "bin/epmd")]
    with (
        serving(epmd, ready=lambda: listens(mapper), log=folder / "epmd.log", environment=environment),
        serving(
            [str(sbin / "rabbitmq-server")],
            ready=lambda: listens(port),
            log=folder / "rabbitmq.log",
            environment=environment,
        ) as server,
    ):
        yield server, {"url": f"amqp://guest:guest@127.0.0.1:{port}/"}


async def _queue(config: Config) -> tuple[Any, Any, Any]:
    import aio_pika

    connection = await aio_pika.connect(config["url"])
    channel = await connection.channel(publisher_confirms=True)
    await channel.set_qos(prefetch_count=_UNDER_WAY)
    queue = await channel.declare_queue(_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    return connection, channel, queue


async def send(config: Config, gate: Gate) -> Config:
    """Publish, and wait until the broker has confirmed all."""
    import aio_pika

    filling = bytes.fromhex(config["filling"])
    connection, channel, _ = await _queue(config)
    free = asyncio.Semaphore(_UNDER_WAY)

    async def publish(number: int) -> None:
        try:
            made = aio_pika.Message(body(number, filling), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(made, _QUEUE)
        finally:
            free.release()

    await gate()
    handed, start = [], time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(config["count"]):
            handed.append(await paced(number, start, config["rate"]))
            await free.acquire()
            group.create_task(publish(number))
    done = time.perf_counter()
    await connection.close()
    return {"handed": handed, "done": done}


async def take(config: Config, gate: Gate) -> Config:
    """Consume; acknowledge together what has come together."""
    connection, _channel, queue = await _queue(config)
    given: dict[int, float] = {}
    newest: list[Any] = []
    come = asyncio.Event()

    async def on_message(message: Any) -> None:
        given[int.from_bytes(message.body[:8], "big")] = time.perf_counter()
        newest[:] = [message]
        come.set()

    await gate()
    await queue.consume(on_message)
    while True:
        await come.wait()
        come.clear()
        [message] = newest
        await message.ack(multiple=True)
        if len(given) == config["count"]:
            break
    # The channel does things in order: an answer to this one says that the acknowledgement was taken.
    await queue.declare()
    done = time.perf_counter()
    await connection.close()
    return {"given": [given[number] for number in range(config["count"])], "done": done}
