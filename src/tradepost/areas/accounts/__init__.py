"""Accounts: who is known to the shop. Users with their sessions, addresses and API keys, and what each role may."""
