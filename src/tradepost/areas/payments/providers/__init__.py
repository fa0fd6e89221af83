"""Payment providers: what takes the money. Each is one file; `provider.py` is their interface."""
