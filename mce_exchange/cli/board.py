"""`mce board …`: a hotline's own board, by files: its keys, and a new key for one that lost everything."""

from pathlib import Path
from time import gmtime, strftime
from typing import Annotated, Final

from cyclopts import App, Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange import limits
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret, read_file
from mce_exchange.cli.directory.common import Out, read_card, read_public
from mce_exchange.cli.directory.roots import key_made, sheet_written
from mce_exchange.cli.home import open_desk, open_home
from mce_exchange.cli.keys import Before, read_date
from mce_exchange.client import board as boards
from mce_exchange.client import keeping
from mce_exchange.client.identity import Identity
from mce_exchange.directory import orders
from mce_exchange.keyfile import read_keyfile, replace_file
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import claimed_time
from mce_exchange.log.checkpoint import size_of
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import Statement
from mce_exchange.store import settings
from mce_exchange.v1 import statement_pb2

board = App(name="board")
_LABEL: Final = b"mce-board"
_File = Annotated[Path, Parameter(help="The order that `mce board recover` wrote.")]
_Card = Annotated[Path, Parameter(help="The card of the hotline's new home, compared by voice.")]


@board.command
def key(
    *,
    out: Out,
    quick: Annotated[bool, Parameter(help="Cheap key derivation, for exercises.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Make the key of one member of the board, sealed by a passphrase, and its public half (OUT.pub).

    Example: mce board key --out board1.key
    """
    return key_made(common, secret, out, "board key", label=_LABEL, quick=quick)


@board.command
def sheet(
    key: Annotated[Path, Parameter(help="The public half of a board key: a file that ends in .pub.")],
    *,
    holder: Annotated[str, Parameter(help="Who holds it.")],
    member: Annotated[str, Parameter(help="The hotline whose board it is.")],
    fingerprint: Annotated[str, Parameter(help="The root fingerprint, needed for signing.")] = "",
    out: Out,
    common: Common = COMMON,
) -> int:
    """Write the page that a member of the board prints and keeps. It holds no secret.

    Example: mce board sheet board1.key.pub --holder "The chair" --member be --out board1.html
    """
    return sheet_written(common, key, "Board key", holder, member, fingerprint, out)


@board.command
def name(
    *,
    key: Annotated[list[Path] | None, Parameter(help="Public halves of the board's keys.")] = None,
    threshold: Annotated[int, Parameter(help="How many of them must sign; 0 with no keys: no board.")],
    out: Annotated[Path, Parameter(help="The card that lists them, for the federation.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the card that names this hotline's board. A Directory has to take it in before it counts.

    Example: mce board name --key board1.key.pub --key board2.key.pub --threshold 2 --home be --out be.card
    """
    keys = [read_public(path) for path in key or ()]
    with open_home(common, secret) as home:
        joined = None
        if home.settings.find(settings.NETWORK_ID) is not None:
            identity = Identity.of(home)
            joined = (identity, identity.follower(home).state)
        card = boards.name_board(home, joined, keys, threshold)
    replace_file(out, card)
    digest = sha256(card)
    words = fingerprints.words(digest)
    common.say(
        {
            "file": str(out),
            "keys": [one.id.hex() for one in keys],
            "fingerprint": digest.hex(),
            "words": words,
        },
        f"A board of {len(keys)}, of whom {threshold} sign. Give {out} to the federation, and compare by"
        f" telephone:\n{digest.hex()}\n{words}",
    )
    return 0


@board.command
def recover(
    *,
    new_card: _Card,
    signer: Annotated[list[Path], Parameter(help="Public halves of the board keys that will sign.")],
    before: Before = "",
    out: Out,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the order that gives a hotline its new home's key for all it lost, unsigned, as others follow it.

    Anybody's home that follows the log will do: the lost one's does not. The board signs with
    `mce board sign`. With --before it reaches back 30 days at most.

    Example: mce board recover --new-card be.card --signer board1.key.pub --signer board2.key.pub
    --home office --out be.recovery
    """
    card = read_card(new_card)
    signers = [read_public(path).id for path in signer]
    with open_desk(common, secret) as desk:
        then = read_date(before) if before else None
        order = boards.recovery(desk.home, desk.follower.state, card, signers, before=then)
    replace_file(out, order.raw)
    return _told(common, out, order, boards.read(order.raw)[1])


@board.command
def show(
    file: _File,
    *,
    new_card: Annotated[Path | None, Parameter(help="The card that it has to be for.")] = None,
    common: Common = COMMON,
) -> int:
    """Say what an order gives to whom, and who has yet to sign.

    Example: mce board show be.recovery --new-card be.card
    """
    order, body = boards.read(read_file(file, limits.STATEMENT))
    if new_card is not None:
        boards.check_card(body, read_card(new_card))
    return _told(common, file, order, body)


@board.command
def sign(
    file: _File,
    *,
    new_card: _Card,
    key: Annotated[Path, Parameter(help="A board key of `mce board key`.")],
    fingerprint: Annotated[str, Parameter(help="The root fingerprint, from the sheet.")],
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Add one signature of the board to an order, in place, if it is for just this card.

    Compare the card's words with the hotline by voice before. The key never leaves this machine.

    Example: mce board sign be.recovery --new-card be.card --key board1.key --fingerprint "24 words ..."
    """
    network_id = fingerprints.read_fingerprint(fingerprint)
    order, body = boards.read(read_file(file, limits.STATEMENT))
    boards.check_card(body, read_card(new_card))
    private = PrivateKey.from_seed(read_keyfile(key, secret.read(f"the board key {key}"), label=_LABEL))
    order = orders.sign_order(order, private, network_id=network_id)
    replace_file(file, order.raw)
    return _told(common, file, order, body)


@board.command
def publish(file: _File, *, common: Common = COMMON, secret: Secret = SECRET) -> int:
    """Hand a signed order to the log, through this home's node; anybody may. Everybody is alarmed.

    Example: mce board publish be.recovery --home office
    """
    data = read_file(file, limits.STATEMENT)
    _, body = boards.read(data)
    with open_desk(common, secret) as desk:
        keeping.take(desk.home, desk.identity, desk.follower.state, data)
    common.say({"member": body.member}, f"The recovery of {body.member} waits for the node to publish it.")
    return 0


def _told(common: Common, file: Path, order: Statement, body: statement_pb2.BoardRecovery) -> int:
    key_id = boards.new_key_of(body).public.id
    missing = [one.hex() for one in body.signers if one not in order.signers]
    cut, time = size_of(body.cut), claimed_time(body.cut)
    since = f"{strftime('%Y-%m-%d %H:%M', gmtime(time))} UTC" if time else "A TIME THAT CANNOT BE READ"
    lines = [
        f"{file} gives {body.member} a new key and takes all others away:",
        f"  {key_id.hex()}\n  {fingerprints.words(key_id)}",
        f"  what the lost keys signed from entry {cut} on is disputed: since {since}",
        f"  {len(missing)} signatures are missing"
        if missing
        else "  signed: anybody hands it in, `mce board publish`",
    ]
    common.say(
        {
            "file": str(file),
            "member": body.member,
            "key_id": key_id.hex(),
            "words": fingerprints.words(key_id),
            "cut": cut,
            "cut_time": time or None,
            "signed": [one.hex() for one in order.signers],
            "missing": missing,
        },
        "\n".join(lines),
    )
    return 0
