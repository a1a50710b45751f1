"""Signed, end-to-end-encrypted case messages between missing-children hotlines."""
