"""The relay's durable state: one protocol, one engine so far (SQLite)."""
