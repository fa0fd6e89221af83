"""The GraphQL schema, generated from the registry by Strawberry."""
