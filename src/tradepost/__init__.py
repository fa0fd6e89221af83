"""Tradepost: a headless commerce backend with two APIs, REST and GraphQL."""
