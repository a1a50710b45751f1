"""All defences, in the order of docs/threats.md."""

from tests.attacks import federation, keys, log, messages, monitor, persons, recovery, storage

DEFENCES = (
    *messages.DEFENCES,
    *federation.DEFENCES,
    *keys.DEFENCES,
    *log.DEFENCES,
    *storage.DEFENCES,
    *persons.DEFENCES,
    *recovery.DEFENCES,
    *monitor.DEFENCES,
)
