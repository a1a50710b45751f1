"""`mce questions` and `mce answer`: what only a person may decide (SPEC section 9.5)."""

import time
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from mce_exchange.cli.common import COMMON, SECRET, Common, Secret
from mce_exchange.cli.home import open_desk
from mce_exchange.client import asking
from mce_exchange.client.asking import Question
from mce_exchange.errors import UsageError
from mce_exchange.text import one_line


def questions(*, common: Common = COMMON, secret: Secret = SECRET) -> int:
    """List what waits for a person's decision; exit 1 if anything does.

    Example: mce questions --home be
    """
    with open_desk(common, secret) as desk:
        found = asking.questions(desk.home, desk.follower.state)
    lines = [_text(one) for one in found]
    common.say({"questions": [asdict(one) for one in found]}, "\n".join(lines) or "No question waits.")
    return int(bool(found))


def answer(
    id: Annotated[int, Parameter(help="The question's number.")],
    *,
    yes: Annotated[bool, Parameter(help="I have telephoned and compared: wrap it again.")] = False,
    no: Annotated[bool, Parameter(help="Do not.")] = False,
    common: Common = COMMON,
    secret: Secret = SECRET,
) -> int:
    """Decide. A yes lets one recipient open one message by the prekey that the question names.

    Example: mce answer 3 --yes --home be
    """
    if yes == no:
        raise UsageError("answer with --yes or with --no")
    with open_desk(common, secret) as desk:
        now = int(time.time() // 60)
        asking.answer(desk.home, desk.identity, desk.follower.state, id, yes=yes, now_minutes=now)
    common.say({"answered": id, "yes": yes}, f"Answered question {id}: {'yes' if yes else 'no'}.")
    return 0


def _text(one: Question) -> str:
    text = (
        f"question {one.id}: {one.member} cannot open message {one.message_id[:16]}, and no key that it had"
    )
    text += " then is left.\n"
    if not one.prekey:
        return text + f"  It has published no new key yet. Its number: {one_line(one.phone) or 'unknown'}"
    text += (
        f"  Telephone {one_line(one.phone) or 'it'}, compare the prekey that `mce key list` shows there:\n"
    )
    text += f"  {one.prekey}\n  {one.words}\n"
    text += "".join(f"  WARNING {one_line(warning)}\n" for warning in one.warnings)
    return (
        text + f"  The same? `mce answer {one.id} --yes` lets it open this message by that key; else `--no`."
    )
