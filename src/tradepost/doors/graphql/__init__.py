"""The GraphQL door: the schema made from the registry, documents compiled to Selections, and GraphQL over HTTP."""

from .http.endpoint import GraphQLDoor
from .schema.root_fields import GraphQLRequest, RootField, mutation, query

__all__ = ["GraphQLDoor", "GraphQLRequest", "RootField", "mutation", "query"]
