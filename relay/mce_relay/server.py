"""One relay process: core, doors, calls, health, reflection; drained on SIGTERM and SIGINT."""

import asyncio
import gc
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mce_exchange import limits
from mce_exchange.directory.model import Directory
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import UsageError
from mce_exchange.v1 import relay_pb2, relay_pb2_grpc
from mce_relay.clock import SteadyClock
from mce_relay.config import Config
from mce_relay.core import Core
from mce_relay.doors import caller, credentials, is_open_to_old_tls
from mce_relay.gate import Gate
from mce_relay.keyring import Rings, promote
from mce_relay.logs import logger
from mce_relay.metrics import PrometheusMetrics
from mce_relay.service import Service
from mce_relay.values import RelayKeys

_NAME: Final = relay_pb2.DESCRIPTOR.services_by_name["RelayService"].full_name
_NAMES: Final = (_NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
_OPTIONS: Final = [
    # Above the caps of the gate, whose refusals say more than gRPC's.
    ("grpc.max_receive_message_length", limits.CALL + limits.MIB),
    ("grpc.max_send_message_length", limits.CALL + limits.MIB),
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 128),
    # A request waits at its sender until the gate reads it: no window grows beyond 64 KiB meanwhile.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.server_handshake_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A reader that has gone without a word is noticed.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
]
_HEALTH_SECONDS: Final = 2.0


def read_directory(path: Path) -> Bundle:
    """A Directory's file; `UsageError` if there is none."""
    try:
        return Bundle.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", remedy="put the federation's Directory there"
        ) from None


def make_core(config: Config, keys: RelayKeys, metrics: PrometheusMetrics) -> Core:
    """The core of a configured relay, not started."""
    return Core(
        data=config.data,
        genesis=read_directory(config.genesis),
        keys=keys,
        settings=config.settings,
        anchor_file=config.anchor_file,
        clock=SteadyClock(),
        metrics=metrics,
    )


class _Health(health.aio.HealthServicer):  # type: ignore[misc]  # the package has no types
    """Of this relay's services only: a name that somebody makes up is not watched for ever."""

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - the protocol's name
        """See the health protocol."""
        if request.service not in ("", *_NAMES):
            await context.abort(grpc.StatusCode.NOT_FOUND)
        await super().Watch(request, context)


def _look_at(address: str) -> None:
    try:
        old = is_open_to_old_tls(address)
    except OSError as error:
        raise UsageError(
            f"the relay does not reach itself at {address}: {error}",
            remedy="listen on an address of this machine",
        ) from None
    if old:
        raise UsageError(
            "TLS 1.2 is answered here", remedy="import mce_relay before grpc; tell the maintainers"
        )


@asynccontextmanager
async def opened(
    core: Core,
    *,
    listen: str,
    door_key: bytes,
    door: bytes,
    metrics: PrometheusMetrics | None = None,
    drain_seconds: float = 20.0,
) -> AsyncIterator[str]:
    """The doors of a started core, at the address given; at the end all that is under way is answered.

    Raises `UsageError` if it cannot listen, or if its TLS would speak anything older than 1.3.
    """
    who = caller(core)
    server = grpc.aio.server(interceptors=[Gate(who, metrics or PrometheusMetrics())], options=_OPTIONS)
    relay_pb2_grpc.add_RelayServiceServicer_to_server(Service(core, who), server)
    servicer = _Health()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection(_NAMES, server)
    try:
        port = server.add_secure_port(listen, credentials(core, door_key=door_key, door=door))
    except RuntimeError:
        raise UsageError(f"cannot listen on {listen}", remedy="is another relay running?") from None
    # What is here now stays: no later collection walks through it again.
    gc.collect()
    gc.freeze()
    await server.start()
    address = f"{listen.rpartition(':')[0]}:{port}"
    try:
        await asyncio.to_thread(_look_at, address)
        await servicer.set(_NAME, health_pb2.HealthCheckResponse.SERVING)
        yield address
    finally:
        with suppress(TimeoutError):
            # Somebody who watches and does not read must not keep the relay from ending.
            await asyncio.wait_for(servicer.enter_graceful_shutdown(), _HEALTH_SECONDS)
        await core.drain()
        await server.stop(drain_seconds)


async def serve(config: Config, rings: Rings) -> None:
    """Serve until SIGTERM or SIGINT. One JSON line on stdout says when and where it is ready."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    metrics = PrometheusMetrics()
    core = make_core(config, rings.keys, metrics)
    await core.start()
    try:
        keyring = rings.used(core.state.directory, core.state.size, core.relay)
        if keyring is rings.next:
            promote(config.keys)
        check_names(config.id, keyring.door, core.state.directory, core.relay)
        if config.metrics:
            metrics.serve(config.metrics)
        async with opened(
            core,
            listen=config.listen,
            door_key=keyring.door_key,
            door=keyring.door,
            metrics=metrics,
            drain_seconds=config.drain_seconds,
        ) as address:
            state = core.state
            logger().info("started", address=address, index=state.size, version=state.directory.version)
            print(json.dumps({"ready": address}), flush=True, file=sys.stdout)
            await _until(stop, core)
            logger().info("draining")
        logger().info("stopped", index=core.state.size)
    finally:
        await core.close()


def check_names(id_: str, door: bytes, directory: Directory, relay: str) -> None:
    """What members will find at the doors is what the Directory tells them to look for; `UsageError`."""
    if id_ != relay:
        raise UsageError(f"the configuration is of relay {id_}, the keys are of {relay}")
    if door not in directory.relays[relay].certificates:
        raise UsageError(
            f"Directory version {directory.version} has another door of {relay}, and members pin that",
            remedy="use the keys whose relay.card the federation entered, or have this one entered",
        )


async def _until(stop: asyncio.Event, core: Core) -> None:
    """Told to stop; or `StoreError`, if nothing can be accepted any more until the log has been looked at."""
    stopping, failing = asyncio.create_task(stop.wait()), asyncio.create_task(core.failed())
    try:
        await asyncio.wait((stopping, failing), return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            raise failing.result()
    finally:
        stopping.cancel()
        failing.cancel()
