"""What the worker runs: event handlers, mail and periodic tasks."""
