"""Writes: the transaction of a call, and the outbox and audit rows that are committed with it."""
