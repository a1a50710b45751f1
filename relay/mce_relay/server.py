"""One relay process: core, doors, calls, health, reflection; drained on SIGTERM and SIGINT."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from mce_exchange import limits
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import UsageError
from mce_exchange.v1 import relay_pb2, relay_pb2_grpc
from mce_relay.config import Config
from mce_relay.core import Core
from mce_relay.doors import caller, credentials
from mce_relay.keyring import Keyring
from mce_relay.logs import logger
from mce_relay.metrics import CallMetrics, PrometheusMetrics
from mce_relay.service import Service

_NAME: Final = relay_pb2.DESCRIPTOR.services_by_name["RelayService"].full_name
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", limits.CALL + limits.MIB),
    ("grpc.max_send_message_length", limits.CALL + limits.MIB),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_concurrent_streams", 128),
]


def read_genesis(path: Path) -> Bundle:
    """The federation's first Directory; `UsageError` if there is none."""
    try:
        return Bundle.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", remedy="put the federation's genesis there"
        ) from None


def make_core(config: Config, keyring: Keyring, metrics: PrometheusMetrics) -> Core:
    """The core of a configured relay, not started."""
    return Core(
        data=config.data,
        genesis=read_genesis(config.genesis),
        keys=keyring.keys,
        settings=config.settings,
        metrics=metrics,
    )


async def serve(config: Config, keyring: Keyring) -> None:
    """Serve until SIGTERM or SIGINT. One JSON line on stdout says when and where it is ready."""
    metrics = PrometheusMetrics()
    core = make_core(config, keyring, metrics)
    await core.start()
    try:
        await _serve(config, keyring, metrics, core)
    finally:
        await core.close()


async def _serve(config: Config, keyring: Keyring, metrics: PrometheusMetrics, core: Core) -> None:
    server = grpc.aio.server(interceptors=[CallMetrics(metrics)], options=_OPTIONS)
    relay_pb2_grpc.add_RelayServiceServicer_to_server(Service(core, caller(core)), server)
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((_NAME, reflection.SERVICE_NAME), server)
    try:
        port = server.add_secure_port(
            config.listen, credentials(core, door_key=keyring.door_key, door=keyring.door)
        )
    except RuntimeError:
        raise UsageError(f"cannot listen on {config.listen}", remedy="is another relay running?") from None
    if config.metrics:
        metrics.serve(config.metrics)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await server.start()
    await servicer.set(_NAME, health_pb2.HealthCheckResponse.SERVING)
    address = f"{config.listen.rpartition(':')[0]}:{port}"
    logger().info("started", address=address, index=core.state.size, version=core.state.directory.version)
    print(json.dumps({"ready": address}), flush=True, file=sys.stdout)
    await stop.wait()
    logger().info("draining")
    await servicer.enter_graceful_shutdown()
    await core.drain()
    await server.stop(config.drain_seconds)
    logger().info("stopped", index=core.state.size)
