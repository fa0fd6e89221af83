"""Redis: a shared connection for commands, a pub/sub channel and a document store."""
