"""Tradepost: a shop with two front doors, GraphQL and REST, over one set of domain services."""
