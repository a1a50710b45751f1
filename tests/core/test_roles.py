"""Who may do what by role: the table of SPEC 8.9, line by line."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from mce_exchange import statement
from mce_exchange.directory.authority import authenticate
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Role
from mce_exchange.errors import ContextError, SignatureError
from mce_exchange.hotline import answers, changing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.changing import Reason
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.kem import KemKey
from mce_exchange.v1 import statement_pb2
from tests.audit.case import Case
from tests.federation import NOW_MINUTES, Person


class Roles(Case):
    """`be` has the role under test; it is the author of the message, too."""

    def __init__(self, role: Role) -> None:
        self._role = role
        super().__init__()

    def draft(self) -> Draft:
        self.people["be"] = Person("be", "BE", self._role)
        return super().draft()


@pytest.mark.parametrize("role", Role)
def test_a_role_signs_what_the_table_says_and_nothing_else(role: Role) -> None:
    world = Roles(role)
    me = Author(member="be", network_id=world.network_id, keys=(world.people["be"].key,))
    index, state = world.tree.size, world.state
    header = world.sealed.statement
    with pytest.raises(ContextError) if role is Role.AUDITOR else nullcontext():
        authenticate(header, state=state, index=index)
    # Its own keys and its own voice: everybody's.
    own = [
        answers.prekey(me, KemKey.generate(), after=state.last_prekeys.get("be"), now_minutes=NOW_MINUTES),
        changing.contest(me, bytes(32)),
        changing.tls_keys(me, number=1, certificates=[world.people["be"].door]),
        changing.revocation(me, world.people["be"].second.public.id, cut=world.anchor(), reason=Reason.LOST),
    ]
    for one in own:
        world.state.after(one.raw, index=index)
    # What is the roots': nobody's, the federation's office included.
    key = world.people["pt"].key.public.id
    body = changing.revocation_body(
        signers=me.signers, member="pt", key_id=key, cut=world.anchor(), reason=Reason.LOST
    )
    suspension = statement_pb2.Suspension(signers=me.signers, member="pt", anchor=world.anchor())
    suspension.reason = statement_pb2.SUSPENSION_REASON_MISUSE
    for type_, data in (
        ("revocation", body),
        ("suspension", suspension.SerializeToString(deterministic=True)),
    ):
        made = statement.sign(type_, data, network_id=world.network_id, keys=me.keys)
        with pytest.raises(SignatureError):
            world.state.after(made.raw, index=index)


def test_h12_two_keys_of_one_desk_are_one_person() -> None:
    world, newer = Case(), PrivateKey.generate()
    be = world.people["be"]

    def change(draft: Draft) -> Draft:
        # The desk's key rotates: it holds two that live.
        keys = (*world.state.directory.member("be").keys, new_key(newer.public))
        asks = replace(world.state.directory.member("be"), keys=keys, policy={Act.URGENT: 2})
        return replace(draft, members=[asks if one.id == "be" else one for one in draft.members])

    world.proceed(change)

    def judged(*keys: PrivateKey, urgent: bool = True) -> int:
        made = world.message(urgent=urgent, sequence=2, keys=keys)[0].statement
        return authenticate(made, state=world.state, index=world.tree.size).persons

    for keys in ([be.key], [be.key, newer], [be.second]):
        with pytest.raises(SignatureError, match="two persons"):
            judged(*keys)
    assert judged(be.key, be.second) == judged(newer, be.second) == 2
    assert judged(be.key, newer, urgent=False) == 1
