"""The end of a history: nothing more is lost and nobody dies; everything has to come to its end."""

from collections import Counter, defaultdict

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.header import read_header
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Sent
from mce_exchange.v1 import statement_pb2
from tests.delivery.world import DAY, MEMBERS, STEPS, HandedOver, World

ACCUSING = frozenset(
    {
        *(Alarm.FORK, Alarm.LOG_ROLLED_BACK, Alarm.KEY_CHANGE),
        *(Alarm.INVALID_MESSAGE, Alarm.NUMBER_USED, Alarm.REPLAY),
    }
)
ROUNDS = 12
"""More than any message needs: refused, wrapped again, unlocked, acknowledged is six."""


async def drain(world: World) -> None:
    """Turns for everybody, with an application that acknowledges all, until nothing changes any more."""
    before = -1
    for _ in range(ROUNDS):
        for member in MEMBERS:
            for step in STEPS:
                # Attachments may have been given up meanwhile: before their header came, or expired with it.
                await world.act(member, step, strict=step not in ("submit", "fetch"))
            await world.look(member)
            while world.running[member].given:
                await world.answer(member, accept=True)
        size = world.network.core.state.size
        homes = [one.home for one in world.running.values()]
        settled = not any(home.outbox.count("queued") or not home.publishing.empty() for home in homes)
        if settled and size == before and all(world.followed_to(member) == size for member in MEMBERS):
            return
        before = size
    raise AssertionError("every_message_ends: the log grows and grows")


async def judge(world: World) -> None:
    """All properties, at the end of all."""
    await world.accepted_is_logged()
    world.handed_over_is_durable()
    world.followed()
    log = await _log(world)
    _one_user_of_a_number(log)
    _one_final_answer(log)
    _nothing_invented(world)
    for id_, one in world.handed_over.items():
        _ends(world, id_, one)
    await _expire(world)


async def _log(world: World) -> dict[int, statements.Statement]:
    """Every Statement that any of the members may see, by log index."""
    found: dict[int, statements.Statement] = {}
    for member in MEMBERS:
        index = 0
        while batch := await world.network.core.read(member, index, max_bytes=limits.MIB):
            found |= {one.index: statements.decode(one.statement) for one in batch.statements}
            index += len(batch.entries) // limits.LOG_ENTRY
    return dict(sorted(found.items()))


def _one_user_of_a_number(log: dict[int, statements.Statement]) -> None:
    users: Counter[tuple[str, str, int]] = Counter()
    for one in log.values():
        if one.type == statements.HEADER:
            core = read_header(one).core
            users.update((core.sender, to.member, to.sequence) for to in core.recipients)
        elif one.type == "void":
            body = statements.body(one, statement_pb2.Void)
            users[body.sender, body.recipient, body.sequence] += 1
    assert set(users.values()) <= {1}, "one_user_of_a_number"


def _one_final_answer(log: dict[int, statements.Statement]) -> None:
    finals: dict[tuple[str, bytes], int] = defaultdict(int)
    for one in log.values():
        if one.type == "delivered":
            said = statements.body(one, statement_pb2.Delivered)
            for item in said.items:
                finals[said.member, item.header_id] += 1
        elif one.type == "refused":
            no = statements.body(one, statement_pb2.Refused)
            for answer in no.items:
                finals[no.member, answer.header_id] += (
                    answer.code != statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD
                )
    assert set(finals.values()) <= {0, 1}, "one_final_answer"


def _nothing_invented(world: World) -> None:
    """The relay is honest here, however bad the network: nobody accuses it, or a peer."""
    for one in world.running.values():
        accused = [alarm.text for alarm in one.home.alarms.all() if alarm.kind in ACCUSING]
        assert not accused, accused


def _ends(world: World, id_: str, one: HandedOver) -> None:
    """Delivered, refused or void, as both sides have it; or locked, and then a person was asked."""
    expired = world.clock.now - one.at > limits.DEFAULT_LIFETIME_SECONDS
    for delivery in _sent(world, id_).deliveries:
        state = world.state(delivery.member, id_)
        if delivery.status == "delivered":
            assert state == "acknowledged", f"every_message_ends: delivered, and {state} there"
        elif delivery.status == "void":
            assert state == "absent", f"every_message_ends: void, and {state} there"
        elif delivery.final:
            assert state == "refused", f"every_message_ends: {delivery.status}, and {state} there"
        elif state == "locked":
            home = world.running[one.sender].home
            said = [entry.type for entry in home.logbook.about(bytes.fromhex(id_))]
            asked = _alarmed(home, Alarm.ASKS_A_PERSON, id_)
            assert expired or asked or "re-wrap" in said, "every_message_ends: locked"
        else:
            assert expired, f"every_message_ends: {delivery.status}, and {state} there"
            assert state in ("missing", "fetching"), f"every_message_ends: expired, and {state} there"


async def _expire(world: World) -> None:
    """What nothing else could end, its lifetime ends: no more of it is given out, and its sender is told."""
    world.clock.now += limits.DEFAULT_LIFETIME_SECONDS + DAY
    await world.network.core.sweep()
    for member in MEMBERS:
        await world.act(member, "upkeep", strict=True)
    for id_, one in world.handed_over.items():
        sent = _sent(world, id_)
        for delivery in sent.deliveries:
            told = _alarmed(world.running[one.sender].home, Alarm.UNANSWERED, id_)
            assert delivery.final or told, f"every_message_ends: {delivery.status}, and nobody was told"
        if sent.log_index is not None:
            batch = await world.network.core.read(sent.deliveries[0].member, sent.log_index, max_bytes=1)
            assert batch, "every_message_ends"
            assert not batch.statements[0].payload, "every_message_ends: given out after its end"


def _sent(world: World, id_: str) -> Sent:
    sent = world.running[world.handed_over[id_].sender].home.outbox.find(bytes.fromhex(id_))
    assert sent, "handed_over_is_durable"
    return sent


def _alarmed(home: Home, kind: Alarm, id_: str) -> bool:
    return any(alarm.kind is kind and alarm.about.startswith(id_) for alarm in home.alarms.all())
