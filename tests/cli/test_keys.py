"""`mce key`: a signing key's whole life by commands and files, while the nodes run."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mce_exchange.cli.common import app
from mce_exchange.errors import MceError, UsageError
from tests.cli.test_ceremony import Ceremony, refused


@pytest.fixture
def ceremony(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Ceremony]:
    made = Ceremony(tmp_path, capsys)
    try:
        for name in ("relay", "be", "pt"):
            made.federation.start(name)
        made.follows("be", 1)
        yield made
    finally:
        made.federation.stop()


def key(c: Ceremony, member: str, *arguments: str) -> dict[str, Any]:
    return c.secret("key", *arguments, "--home", str(c.folder / member))


def signing(c: Ceremony, member: str, *whose: str) -> list[dict[str, Any]]:
    """The signing keys that a home sees; the command may exit 1, for a contest."""
    c._capsys.readouterr()
    arguments = ["--home", str(c.folder / member), "--passphrase-file", str(c.federation.passphrase)]
    app(["key", "list", *whose, *arguments, "--json"])
    said: dict[str, Any] = json.loads(c._capsys.readouterr().out)
    return [one for one in said["keys"] if one["kind"] == "signing"]


def until(c: Ceremony, member: str, state: str, *whose: str) -> dict[str, Any]:
    """Wait until a home sees a signing key in this state."""
    end = time.monotonic() + 30
    while not (found := [one for one in signing(c, member, *whose) if one["state"] == state]):
        assert time.monotonic() < end, f"{member} sees no key that is {state}"
        time.sleep(0.1)
    return found[0]


def renew(c: Ceremony, name: str, card: Path) -> None:
    file, _ = c.change(name, "--renew", str(card))
    c.sign(file, *c.roots[:2])
    c.publish(file)


def test_the_life_of_a_signing_key(ceremony: Ceremony) -> None:
    c, card = ceremony, ceremony.folder / "be.card"
    [first] = signing(c, "be")
    assert (first["state"], first["in_use"], first["held"]) == ("lives", True, True)
    refused(UsageError, lambda: key(c, "be", "retire", first["id"][:8], "--out", str(card)), "sign nothing")

    # Rotation: a new key beside the old one, then the card without the old one; the node switches.
    made = key(c, "be", "new", "--out", str(card))["key_id"]
    renew(c, "v2.directory", card)
    assert [(one["id"], one["in_use"]) for one in signing(c, "be")] == [(first["id"], False), (made, True)]
    key(c, "be", "retire", first["id"][:8], "--out", str(card))
    renew(c, "v3.directory", card)
    ended = until(c, "be", "ended")
    assert (ended["id"], ended["since_version"], ended["end_version"]) == (first["id"], 1, 3)
    status = c.secret("status", "--home", str(c.folder / "be"))
    assert (status["entered"], status["alarms"]) == ("as the card says", [])

    # Compromise: another living key signs the revocation, and a file brings it to whom the log does not.
    second = key(c, "be", "new", "--out", str(card))["key_id"]
    renew(c, "v4.directory", card)
    file = c.folder / "be.revocation"
    refused(UsageError, lambda: key(c, "be", "revoke", "zz", "--reason", "lost"), "no signing key")
    key(c, "be", "revoke", made, "--reason", "compromised", "--out", str(file))
    revoked = until(c, "pt", "revoked", "be")
    assert revoked["id"] == made
    assert revoked["cut"] <= revoked["end_index"]
    assert key(c, "pt", "take", str(file))["type"] == "revocation"
    [in_use] = [one for one in signing(c, "be") if one["in_use"]]
    assert in_use["id"] == second

    # Somebody contests: everybody sees it beside the key.
    index = revoked["end_index"]
    key(c, "be", "contest", str(index))
    end = time.monotonic() + 30
    while until(c, "pt", "revoked", "be")["contested"] != ["be"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    alarms = c.secret("status", "--home", str(c.folder / "pt"))["alarms"]
    assert any("contests" in one["text"] for one in alarms)
    refused(UsageError, lambda: key(c, "be", "contest", "1000000"), "no public Statement")


def test_roots_revoke_and_hold_back_by_files(ceremony: Ceremony) -> None:
    c, file = ceremony, ceremony.folder / "pt.revocation"
    [lost] = signing(c, "be", "pt")
    roots = [part for one in c.roots[:2] for part in ("--root", f"{one}.pub")]
    order = ("directory", "revoke", lost["id"], "--member", "pt", "--reason", "lost")
    be = ("--home", str(c.folder / "be"), "--out", str(file))
    time.sleep(1)  # an anchor to cut at
    refused(UsageError, lambda: c.secret(*order, *roots[:2], *be), "1 roots, and 2 must sign")
    assert len(c.secret(*order, *roots, *be)["missing"]) == 2
    # A mistyped id or file is the caller's, and nobody else's fault.
    refused(UsageError, lambda: key(c, "be", "list", "nobody"), "is no member")
    refused(UsageError, lambda: key(c, "be", "take", f"{c.roots[0]}.pub"), "is no signed Statement")
    # Nobody takes what is not signed by all that it names, nor does another root sign it.
    refused(MceError, lambda: key(c, "be", "take", str(file)), " ")
    c.sign(file, c.roots[1])
    refused(MceError, lambda: key(c, "be", "take", str(file)), " ")
    refused(UsageError, lambda: c.sign(file, c.roots[2]), "does not name")
    c.sign(file, c.roots[0])
    key(c, "be", "take", str(file))
    assert until(c, "be", "revoked", "pt")["id"] == lost["id"]

    # One root alone holds a member back, and the threshold lifts it.
    held = c.folder / "pt.suspension"
    c.secret(
        "directory", "suspend", "pt", "--reason", "compromised", "--root", f"{c.roots[0]}.pub",
        "--home", str(c.folder / "be"), "--out", str(held),
    )  # fmt: skip
    c.sign(held, c.roots[0])
    key(c, "be", "take", str(held))
    file, changes = c.change("v2.directory", "--resume", "pt")
    assert changes
    c.sign(file, *c.roots[:2])
    c.publish(file)
