"""The two APIs, REST and GraphQL: they translate between HTTP and operations."""
