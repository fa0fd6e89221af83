"""Event handlers, mail and periodic tasks, which the worker runs."""
