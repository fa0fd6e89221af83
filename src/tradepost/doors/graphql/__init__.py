"""The GraphQL door: the schema made from the registry, documents compiled to Selections, and GraphQL over HTTP."""

from .fields import Ask, RootField, mutation, query
from .http import GraphQLDoor

__all__ = ["Ask", "GraphQLDoor", "RootField", "mutation", "query"]
