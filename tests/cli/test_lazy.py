"""A command loads what it needs: an auditor's installation has neither gRPC nor SQLite of a node."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mce_exchange.audit.records import read_records
from mce_exchange.cli import lazy
from mce_exchange.v1.evidence_pb2 import EvidenceBegin

ROOT = Path(__file__).resolve().parents[2]
EVIDENCE = ROOT / "tests/vectors/spec-example/example.evidence"
# Modules of the extra `node`, hidden as if they had never been installed.
WITHOUT = """
import sys
for name in ("apsw", "grpc", "grpc_status", "google.rpc"):
    sys.modules[name] = None
from mce_exchange.cli import main
main()
"""
LOADED = """
import json, sys
from mce_exchange.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def ran(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def test_an_auditor_verifies_without_a_nodes_modules() -> None:
    with EVIDENCE.open("rb") as file:
        network_id = EvidenceBegin.FromString(next(read_records(file)).data).network_id
    verify = ["evidence", "verify", str(EVIDENCE), "--fingerprint", network_id.hex(), "--json"]
    done = ran(WITHOUT, *verify)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["network_id"] == network_id.hex()
    for arguments in (["evidence", "show", str(EVIDENCE)], ["--help"], ["evidence", "--help"]):
        assert ran(WITHOUT, *arguments).returncode == 0


@pytest.mark.parametrize("command", ["status", "run"])
def test_what_needs_a_node_says_what_to_install(command: str) -> None:
    done = ran(WITHOUT, command, "--passphrase-fd", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "what to do: install mce-exchange[node]" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_no_part_of_a_node() -> None:
    done = ran(LOADED, "--help")
    loaded = json.loads(done.stderr.splitlines()[-1])
    heavy = (
        "apsw",
        "grpc",
        "google",
        "babel",
        "mce_exchange.client.",
        "mce_exchange.store",
        "mce_exchange.case",
    )
    assert [one for one in loaded if one.startswith(heavy) and one != "mce_exchange.client.attaching"] == []


def test_what_is_missing_for_another_reason_is_a_defect() -> None:
    assert lazy.missing(ImportError("cannot import name")) is None
    assert lazy.missing(ModuleNotFoundError(name="mce_exchange.nothing")) is None
