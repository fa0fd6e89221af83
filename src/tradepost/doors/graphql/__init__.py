"""The GraphQL door: the generated schema, documents compiled to Selections, GraphQL over HTTP."""

from .http.endpoint import GraphQLDoor
from .schema.root_fields import GraphQLRequest, RootField, mutation, query

__all__ = ["GraphQLDoor", "GraphQLRequest", "RootField", "mutation", "query"]
