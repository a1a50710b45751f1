"""Two persons by commands: a key of its own, a card, a message that awaits, a yes and a no."""

import io
import json
import sys
from pathlib import Path

import pytest

from mce_exchange import case
from mce_exchange.cli.directory.common import ROOT_LABEL
from mce_exchange.cli.directory.roots import make_key
from mce_exchange.client.approving import SECOND_LABEL, read_second
from mce_exchange.directory import changes
from mce_exchange.directory.model import Act
from mce_exchange.directory.records import decode_card
from mce_exchange.errors import StoreError
from mce_exchange.keyfile import write_keyfile
from mce_exchange.primitives.vault import Cost
from tests.cli.conftest import Run
from tests.node.conftest import SCENARIO, World
from tests.node.test_approvals import ready, voids
from tests.node.test_exchange import accepted
from tests.node.test_keys import ask, card_of, proceed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_the_second_person_by_commands_alone(
    world: World, mce: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret, card = tmp_path / "second.key", tmp_path / "second.secret", tmp_path / "be.card"
    secret.write_text("hers alone")
    made = ["--quick", "--passphrase-file", str(secret)]
    inside = mce("be", "second", "--out", str(world.folder / "be" / "second.key"), "--quick")
    assert (inside.code, "both persons" in inside.err) == (2, True)
    assert mce("", "second", "--out", str(key), *made).code == 0
    assert mce("", "second", "--out", str(key), *made).code == 2

    # Onto the card, by name; a name that could act is none.
    ask(world, card_of(world, world.federation.people["be"].key, world.federation.people["be"].second))
    add = ["key", "add", f"{key}.pub", "--out", str(card), "--name"]
    assert mce("be", *add, "Night\x1bdesk").code == 2
    assert mce("be", *add, "Night desk").code == 0
    assert mce("be", *add, "Night desk").code == 2
    listed = mce("be", "card").out
    assert "of another person: Night desk" in listed
    wanted = decode_card(card.read_bytes())
    assert [one.label for one in wanted.keys] == ["", "second", "Night desk"]

    proceed(world, lambda draft, v: changes.renew(draft, wanted, version=v))
    proceed(world, lambda draft, v: changes.set_policy(draft, "be", [Act.URGENT]))
    (tmp_path / "case.json").write_text(case.to_json(SCENARIO.update()))
    photo = tmp_path / "photo\x1b[31m.png"
    photo.write_bytes(b"synthetic")
    send = [
        "send",
        "--to",
        "pt",
        "--message",
        str(tmp_path / "case.json"),
        "--urgent",
        "--attach",
        str(photo),
    ]
    async with world.open("be") as be:
        await ready(be, world, 3)
        shown = json.loads(mce("be", "key", "list", "--json").out)["keys"]
        assert [one["person"] for one in shown if one["kind"] == "signing"] == [None, "second", "Night desk"]
        assert "name the second one of Night desk, second" in mce("be", *send).err
        sent = mce("be", *send, "--second", "Night desk")
        assert "awaits its second person" in sent.out, sent.err
        sent = mce("be", *send, "--second", "Night desk", "--json")
        no, yes = [json.loads(sent.out)["id"]], []
        assert json.loads(sent.out)["state"] == "awaiting"
        waiting = mce("be", "approvals", "--json")
        found = json.loads(waiting.out)["approvals"]
        assert (waiting.code, [one["person"] for one in found]) == (1, ["Night desk"] * 2)
        assert found[0]["message"] == json.loads(case.to_json(SCENARIO.update()))
        yes = [one["id"] for one in found if one["id"] not in no]

        approve = ["approve", yes[0][:12], "--key", str(key), "--key-passphrase-file"]
        assert mce("be", "approve", yes[0]).code == 2
        script = mce("be", *approve, str(secret))
        assert (script.code, "no terminal" in script.err) == (2, True)
        # What she is shown is the message, and nothing in it acts.
        assert "CASE UPDATE" in script.out
        assert "attachment 1: photo" in script.out
        assert "\x1b" not in script.out
        assert mce("be", *approve, str(tmp_path / "passphrase"), "--yes").code == 6
        # Nobody is asked about what is not shown, and a terminal that ends is no yes.
        monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
        blind = mce("be", *approve, str(secret), "--json")
        assert (blind.code, "shows nobody" in blind.err) == (2, True)
        monkeypatch.setattr(sys, "stdin", Terminal(""))
        ended = mce("be", *approve, str(secret))
        assert (ended.code, "not confirmed" in ended.err) == (2, True)
        monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
        assert "nothing was done" in mce("be", *approve, str(secret)).err
        assert (await be.sent(yes[0])).state == "awaiting"
        monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
        assert "The running node sends it" in mce("be", *approve, str(secret)).out
        await accepted(be, yes[0])

        assert mce("be", "approve", no[0], "--reject", "--yes").code == 0
        await be.idle()
        assert [one.annulled_id.hex() for one in voids(world)] == no
        assert mce("be", "approvals").code == 0
        assert mce("be", "approve", no[0], "--reject", "--yes").code == 2


async def test_the_second_person_signs_on_a_machine_of_her_own(
    world: World, mce: Run, tmp_path: Path
) -> None:
    secret, key, request, signed = (tmp_path / one for one in ("secret", "second.key", "request", "signed"))
    secret.write_text("hers alone")
    second = world.federation.people["be"].second
    write_keyfile(key, second.seed, "hers alone", label=SECOND_LABEL, cost=Cost.INTERACTIVE)
    proceed(world, lambda draft, v: changes.set_policy(draft, "be", [Act.URGENT]))
    (tmp_path / "case.json").write_text(case.to_json(SCENARIO.update()))
    send = ["send", "--to", "pt", "--message", str(tmp_path / "case.json"), "--urgent", "--json"]
    async with world.open("be") as be:
        await ready(be, world, 2)
        one, other = [json.loads(mce("be", *send).out)["id"] for _ in range(2)]
        wrote = mce("be", "approve", one, "--out", str(request))
        assert (wrote.code, "in the clear" in wrote.out) == (0, True)
        assert request.stat().st_mode & 0o777 == 0o600
        # Without a home: what the header commits to, or nothing.
        cosign = ["cosign", str(request), "--out", str(signed), "--passphrase-file", str(secret), "--key"]
        assert "no terminal" in mce("", *cosign, str(key)).err
        shown = mce("", *cosign, str(key), "--yes")
        assert shown.code == 0, shown.err
        assert one in shown.out
        assert "CASE UPDATE" in shown.out
        assert "URGENT" in shown.out
        assert (await be.sent(one)).state == "awaiting"
        mixed = mce("be", "approve", other, "--signed", str(signed))
        assert (mixed.code, "another message" in mixed.err) == (2, True)
        mistaken = mce("be", "approve", one, "--signed", str(request))
        assert (mistaken.code, "`mce cosign` wrote" in mistaken.err) == (2, True)
        assert mce("be", "approve", one, "--signed", str(signed)).code == 0
        await accepted(be, one)

        write_keyfile(key, bytes(64), "hers alone", label=SECOND_LABEL, cost=Cost.INTERACTIVE)
        assert "another key" in mce("", *cosign, str(key), "--yes").err
        whole = request.read_bytes()
        for wrong in (b"", b"\xc0", whole[:-1], whole[:-40] + bytes(8) + whole[-32:], whole + b"x"):
            request.write_bytes(wrong)
            ran = mce("", *cosign, str(key), "--yes")
            assert (ran.code, "does not hold what it asks" in ran.err) == (2, True), wrong[:20]


@pytest.mark.usefixtures("cheap")
def test_a_second_persons_key_is_no_other_key(tmp_path: Path) -> None:
    """A root's file is sealed alike, and opens as none."""
    make_key(tmp_path / "root.key", "hers alone", label=ROOT_LABEL, cost=Cost.INTERACTIVE)
    with pytest.raises(StoreError, match=r"root\.key does not open") as found:
        read_second(tmp_path / "root.key", "hers alone")
    # It lies in no home: the advice is about the file.
    assert "root.key" in found.value.remedy
