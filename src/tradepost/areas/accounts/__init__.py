"""Accounts: users with their sessions, addresses and API keys, and the permissions of each role."""
