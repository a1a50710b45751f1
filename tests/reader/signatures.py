"""The blocks of a Statement: each by another known key, both signatures (SPEC 3.2, 4.1, 4.3 step 3)."""

from collections.abc import Mapping

from .directory import Key
from .framing import Statement
from .primitives import ed25519_holds, ml_dsa_65_holds
from .refusal import must


def check_blocks(statement: Statement, network_id: bytes, known: Mapping[bytes, Key]) -> None:
    ids = [block.key_id for block in statement.blocks]
    must(len(set(ids)) == len(ids), "signature", "one key signs twice")
    for block in statement.blocks:
        must(block.key_id in known, "signature", f"an unknown key {block.key_id.hex()}")
        record = known[block.key_id].record
        signed = statement.signed(network_id, block.key_id)
        must(
            ed25519_holds(record.data("ed25519"), block.ed25519, signed), "signature", "Ed25519 does not hold"
        )
        context = statement.type.encode()
        holds = ml_dsa_65_holds(record.data("ml_dsa_65"), block.ml_dsa_65, signed, context)
        must(holds, "signature", "ML-DSA-65 does not hold")
