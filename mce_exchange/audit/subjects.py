"""Which messages a Statement speaks of: by these ids its evidence is gathered (SPEC section 12.4)."""

from mce_exchange import statement as statements
from mce_exchange import wire
from mce_exchange.statement import HEADER, Statement
from mce_exchange.v1 import statement_pb2 as pb


def header_ids(statement: Statement, network_id: bytes) -> tuple[bytes, ...]:
    """Header ids (32 bytes each); a `void` speaks of the message that it annuls.

    Raises `MalformedError` or `LimitError` for a body that is not in its encoding; believes nothing else.
    """
    if statement.type == HEADER:
        return (statement.id(network_id),)
    statements.lint(statement)
    body = wire.read(statements.BODIES[statement.type], statement.body)
    if isinstance(body, pb.Delivered):
        return tuple(one.header_id for one in body.items)
    if isinstance(body, pb.Refused):
        return tuple(one.header_id for one in body.items)
    if isinstance(body, pb.Erasure):
        return tuple(body.header_ids)
    if isinstance(body, pb.Void):
        return (body.annulled_id,) if body.annulled_id else ()
    if isinstance(body, pb.Undeliverable | pb.Overdue | pb.ReWrap):
        return (body.header_id,)
    return ()
