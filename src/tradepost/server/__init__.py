"""The server process: Granian, and memory settings."""
