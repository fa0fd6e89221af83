"""Accounts: who is known to the shop. Today API keys with a role; users, sessions and tokens come to live here."""
