"""A hotline's durable state: one home, one SQLite database, encrypted at rest (SPEC section 9).

`home` opens and creates, `database` is the file, and each table's rules have a module: `logbook`
(the log as seen), `outbox`, `inbox`, `numbers` (each pair's order), `publishing`, `receipts`,
`secrets`, `alarms`. Any number of processes share a home: every write is one short transaction, and
only one of them runs the node (`lock`).
"""
