"""Rate limit."""
