"""Files of this machine and certificates: key files, requests, the relay's configuration, PEM and DER."""

import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

from mce_relay.config import Config, template

from mce_exchange import case
from mce_exchange.client import carrying
from mce_exchange.errors import MalformedError, StoreError, UsageError
from mce_exchange.keyfile import read_keyfile, write_keyfile
from mce_exchange.primitives import tls
from mce_exchange.primitives.vault import Cost
from mce_exchange.sealing import open_message
from tests.fuzz import mutate, world
from tests.fuzz.target import Target
from tests.fuzz.wireform import noise

_TOML: Final = tuple(
    token.encode()
    for token in (
        *("[", "]", "{", "}", "=", '"', "'''", "#", "[[", "a.b.c", "[" * 2000, "{a=" * 1000, "inf", "nan"),
        *(
            "1e999",
            "2026-01-01",
            "25:00:00",
            "true",
            "id",
            "quotas",
            "_env_file = 1",
            "_cli_parse_args = true",
        ),
        *("deadline_seconds = [inf, 1, 2]", '"\\u0000"', "0x", "anchor_seconds"),
    )
)
_KEY_JSON: Final = (
    b'"salt"',
    b'"box"',
    b'"cost"',
    b'"MODERATE"',
    b"null",
    b"[]",
    b"{}",
    b"[" * 5000,
    b'""',
    b"00",
)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def _file(data: bytes) -> Path:
    path = Path(_folder().name) / "file"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def _config(data: bytes) -> None:
    config = Config.read(_file(data))
    # No key is passed over, and every second and count fits where it goes.
    assert tomllib.loads(data.decode()).keys() <= Config.model_fields.keys()
    assert all(0 <= int(one) < 2**62 for one in config.settings.deadlines)


def _keyfile(data: bytes) -> None:
    assert read_keyfile(_file(data), "passphrase", label=b"label") == b"secret"


def _request(data: bytes) -> None:
    request = carrying.read(data)
    # What she is shown is what its header commits to, and it can be signed by whom it names.
    assert len(request.id) == 32
    assert case.render(request.message)
    assert request.header.core.signers[-1:]


def _der(data: bytes) -> None:
    tls.check_certificate(data)
    assert tls.to_der(tls.to_pem(data)) == data


def _pem(data: bytes) -> None:
    der = tls.to_der(data)
    assert tls.to_der(tls.to_pem(der)) == der


@cache
def _configs() -> tuple[bytes, ...]:
    more = "\n[quotas]\nurgent_reserve = 5\n"
    short = f'id = "relay"\nmetrics = "127.0.0.1:9"\ndeadline_seconds = [1, 2.5, 3]\n{more}'
    return (template(relay_id="relay", listen="127.0.0.1:1").encode(), short.encode())


@cache
def _keyfiles() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key"
        write_keyfile(path, b"secret", "passphrase", label=b"label", cost=Cost.INTERACTIVE)
        return (path.read_bytes(),)


@cache
def _requests() -> tuple[bytes, ...]:
    sealed = world.sealed()
    opened = open_message(
        sealed.header,
        recipient="pt",
        wrap=sealed.wraps[0],
        key=world.person("pt").kem,
        payload=sealed.payload,
    )
    network_id = world.network().network_id
    return (carrying.pack(network_id, sealed.statement.raw, sealed.payload, opened.secrets[0]),)


@cache
def _ders() -> tuple[bytes, ...]:
    return (world.person("be").door, tls.make_certificate()[1])


@cache
def _pems() -> tuple[bytes, ...]:
    return tuple(map(tls.to_pem, _ders()))


TARGETS: Final = (
    Target(
        name="relay-config",
        run=_config,
        errors=(UsageError,),
        seeds=_configs,
        mutate=mutate.text(_configs, _TOML),
        share=400,
    ),
    Target(
        name="keyfile",
        run=_keyfile,
        errors=(StoreError,),
        seeds=_keyfiles,
        mutate=mutate.text(_keyfiles, _KEY_JSON),
        share=30,
    ),
    Target(
        name="approval-request",
        run=_request,
        errors=(UsageError,),
        seeds=_requests,
        mutate=noise,
        share=600,
    ),
    Target(
        name="certificate",
        run=_der,
        errors=(MalformedError,),
        seeds=_ders,
        mutate=noise,
        share=12000,
        longest=4096,
    ),
    Target(
        name="certificate-pem",
        run=_pem,
        errors=(MalformedError,),
        seeds=_pems,
        mutate=mutate.text(_pems, (b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n")),
        share=4000,
    ),
)
