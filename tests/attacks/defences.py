"""All defences, in the order of docs/threats.md."""

from tests.attacks import federation, keys, log, messages, persons, recovery

DEFENCES = (
    *messages.DEFENCES,
    *federation.DEFENCES,
    *keys.DEFENCES,
    *log.DEFENCES,
    *persons.DEFENCES,
    *recovery.DEFENCES,
)
