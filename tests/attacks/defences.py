"""All defences, in the order of docs/threats.md."""

from tests.attacks import federation, log, messages, persons, recovery

DEFENCES = (
    *messages.DEFENCES,
    *federation.DEFENCES,
    *log.DEFENCES,
    *persons.DEFENCES,
    *recovery.DEFENCES,
)
