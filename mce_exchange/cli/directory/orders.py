"""`mce directory revoke|suspend`: what roots order at once, by files that anybody takes (`mce key take`)."""

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.directory.common import Out, key_id, read_public
from mce_exchange.cli.home import open_desk
from mce_exchange.cli.keys import Before, ReasonName, read_date
from mce_exchange.client import keeping
from mce_exchange.directory import orders
from mce_exchange.errors import UsageError
from mce_exchange.hotline.changing import Reason, revocation_body
from mce_exchange.keyfile import replace_file
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2

SuspensionReason = Literal["compromised", "requested", "misuse"]
_REASONS: Final = {
    "compromised": statement_pb2.SUSPENSION_REASON_COMPROMISED,
    "requested": statement_pb2.SUSPENSION_REASON_REQUESTED,
    "misuse": statement_pb2.SUSPENSION_REASON_MISUSE,
}


def revoke(
    id: Annotated[str, Parameter(help="The key's id, whole.")],
    *,
    member: Annotated[str, Parameter(help="Whose key it is: a member or a relay.")],
    reason: Annotated[ReasonName, Parameter(help="Why; everybody reads it.")],
    root: Annotated[list[Path], Parameter(help="Public halves of the roots that will sign: the threshold.")],
    before: Before = "",
    out: Out,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write the revocation of a member's key by the roots, unsigned: for a member that cannot sign any more.

    Each root signs it with `mce directory sign`; anybody takes it with `mce key take`. Only the threshold
    reaches back more than 30 days.

    Example: mce directory revoke 1f0c... --member be --reason lost --root r1.key.pub --root r2.key.pub
    --home office --out be.revocation
    """
    revoked = key_id(id)
    signers = [read_public(path).id for path in root]
    with open_desk(common, secret) as desk:
        state = desk.follower.state
        holder, threshold = state.holder(revoked), state.directory.root_threshold
        if holder is None or holder.id != member:
            raise UsageError(f"{revoked.hex()} is no key of {member}", remedy=f"see `mce key list {member}`")
        if len(signers) < threshold:
            raise UsageError(f"{len(signers)} roots, and {threshold} must sign")
        then = read_date(before) if before else None
        cut = keeping.cut_of(desk.home, state, [revoked], then, together=True)
    body = revocation_body(
        signers=signers, member=member, key_id=revoked, cut=cut, reason=Reason[reason.upper()]
    )
    return _written(common, Statement("revocation", body, ()), out)


def suspend(
    member: Annotated[str, Parameter(help="Who is held back.")],
    *,
    reason: Annotated[SuspensionReason, Parameter(help="Why; everybody reads it.")],
    root: Annotated[Path, Parameter(help="The public half of the one root that will sign.")],
    out: Out,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Write a suspension by one root, unsigned: at once, two members at most, lifted by `change --resume`.

    Example: mce directory suspend be --reason compromised --root r1.key.pub --home office --out be.suspension
    """
    with open_desk(common, secret) as desk:
        state = desk.follower.state
        state.directory.member(member)
        anchor = keeping.anchor_of(desk.home, state)
    body = orders.suspension_body(
        signer=read_public(root).id, member=member, anchor=anchor, reason=_REASONS[reason]
    )
    return _written(common, Statement("suspension", body, ()), out)


def _written(common: Common, order: Statement, out: Path) -> int:
    replace_file(out, order.raw)
    return told(common, order, out)


def told(common: Common, order: Statement, out: Path) -> int:
    """Say who has signed an order and who has yet to."""
    signers = orders.signers_of(order)
    missing = [one.hex() for one in signers if one not in order.signers]
    left = f"{len(missing)} signatures are missing" if missing else "signed: anybody takes it, `mce key take`"
    common.say(
        {
            "file": str(out),
            "type": order.type,
            "signed": [one.hex() for one in order.signers],
            "missing": missing,
        },
        f"{order.type} in {out}: {left}.",
    )
    return 0
