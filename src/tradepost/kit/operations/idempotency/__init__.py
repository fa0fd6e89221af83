"""Idempotency: of all calls with one key, one has an effect; the others get its outcome."""
