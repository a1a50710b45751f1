"""`mce directory sign|publish`: one root's signature, and the way into the log."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mce_exchange import fingerprint as fingerprints
from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.directory.common import ROOT_LABEL, File, read, written
from mce_exchange.cli.directory.orders import told
from mce_exchange.cli.home import open_desk
from mce_exchange.directory import changes, compose, orders, trust
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import DirectoryError, UsageError
from mce_exchange.keyfile import read_keyfile, replace_file
from mce_exchange.keys import PrivateKey
from mce_exchange.statement import DIRECTORY, Statement


def sign(
    file: File,
    *,
    key: Annotated[Path, Parameter(help="A root key of `mce directory root`.")],
    fingerprint: Annotated[str, Parameter(help="The root fingerprint, for all versions but the first.")] = "",
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Add one root's signature to a Directory, revocation or suspension, in place.

    The key never leaves this machine. Look at the file with `mce directory show --after` before you sign.

    Example: mce directory sign genesis.directory --key root1.key
    """
    private = PrivateKey.from_seed(read_keyfile(key, secret.read(f"the root key {key}"), label=ROOT_LABEL))
    data = read(file)
    network_id = fingerprints.read_fingerprint(fingerprint) if fingerprint else None
    if orders.is_order(data):
        if network_id is None:
            raise UsageError("an order is signed for one network", remedy="give --fingerprint")
        order = orders.sign_order(orders.read_order(data), private, network_id=network_id)
        replace_file(file, order.raw)
        return told(common, order, file)
    bundle = Bundle.decode(data)
    return written(common, compose.sign_directory(bundle, private, network_id=network_id), file)


def publish(
    file: File,
    *,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Hand a signed next version to the log, through this home's node; anybody may.

    Example: mce directory publish v2.directory --home office
    """
    bundle = Bundle.decode(read(file))
    body, blocks = compose.body_of(bundle.statement)
    with open_desk(common, secret) as desk:
        state = desk.follower.state
        current = state.directory
        # The same judgement as everybody's, before it leaves the house.
        try:
            following = trust.open_next(current, bundle, index=max(desk.follower.size, current.index + 1))
        except DirectoryError as error:
            raise DirectoryError(
                f"nothing was published: {error}",
                remedy="let the missing roots sign; one that is not the next after this home's is made anew",
            ) from error
        with desk.home.database.write():
            desk.home.publishing.put(Statement(DIRECTORY, body, blocks), members=bundle.members)
    warned = changes.relisted(following, state)
    lines = [f"Version {following.version} waits for the node to publish it."]
    lines += [f"WARNING {one}: the next version should end it" for one in warned]
    common.say({"version": following.version, "warnings": warned}, "\n".join(lines))
    return 0
