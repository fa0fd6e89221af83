"""The read cache, and its invalidation by writes of this and other processes."""
