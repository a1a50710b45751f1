"""NATS JetStream: one stream in a file, one durable consumer, every message acknowledged by itself."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.frame import NotRun
from bench.peers.processes import Server, free_port, listens, serving
from bench.peers.worker import Config, Gate, body, paced

UVLOOP: Final = True
SETTINGS: Final = (
    "nats-py on uvloop; publish_async with at most 256 under way; a pull consumer, up to 256 a fetch"
)
_STREAM, _SUBJECT, _DURABLE = "mail", "mail.pt", "pt"
_UNDER_WAY: Final = 256


@contextmanager
def serve(folder: Path, *, always: bool) -> Iterator[tuple[Server, Config]]:
    """nats-server; `always` syncs each message to disk, as we do, and the default does not."""
    program = Path(sys.executable).with_name("nats-server")
    if not program.exists():
        raise NotRun("nats-server is not installed")
    port = free_port()
    sync = "sync_interval: always" if always else ""
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "127.0.0.1:{port}"\nmax_payload: 1MB\njetstream {{ store_dir: "{folder}/js"\n{sync}\n}}\n'
    )
    with serving(
        [str(program), "-c", str(config)], ready=lambda: listens(port), log=folder / "nats.log"
    ) as server:
        yield server, {"url": f"nats://127.0.0.1:{port}"}


async def _connect(config: Config) -> Any:
    import nats

    return await nats.connect(config["url"], pending_size=64 * 1024 * 1024)


async def send(config: Config, gate: Gate) -> Config:
    """Publish, and wait until the stream has confirmed all."""
    from nats.js.api import StorageType

    filling = bytes.fromhex(config["filling"])
    client = await _connect(config)
    stream = client.jetstream(publish_async_max_pending=_UNDER_WAY)
    await stream.add_stream(name=_STREAM, subjects=[_SUBJECT], storage=StorageType.FILE)
    await gate()
    handed, start = [], time.perf_counter()
    for number in range(config["count"]):
        handed.append(await paced(number, start, config["rate"]))
        await stream.publish_async(_SUBJECT, body(number, filling))
    await stream.publish_async_completed()
    done = time.perf_counter()
    await client.close()
    return {"handed": handed, "done": done}


async def take(config: Config, gate: Gate) -> Config:
    """Fetch and acknowledge until the consumer has nothing left."""
    from nats.js.api import ConsumerConfig
    from nats.js.errors import NotFoundError

    client = await _connect(config)
    stream = client.jetstream()
    while True:
        try:
            await stream.stream_info(_STREAM)
            break
        except NotFoundError:
            await asyncio.sleep(0.05)
    consumer = await stream.pull_subscribe(
        _SUBJECT, durable=_DURABLE, config=ConsumerConfig(max_ack_pending=10_000)
    )
    await gate()
    given: dict[int, float] = {}
    while len(given) < config["count"]:
        for message in await consumer.fetch(_UNDER_WAY, timeout=30):
            given[int.from_bytes(message.data[:8], "big")] = time.perf_counter()
            await message.ack()
    await client.flush()
    while (await consumer.consumer_info()).num_ack_pending:
        await asyncio.sleep(0.001)
    done = time.perf_counter()
    await client.close()
    return {"given": [given[number] for number in range(config["count"])], "done": done}
