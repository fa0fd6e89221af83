"""Rooms, each with the same file names: models, schemas, policy, resource, service, rest, graphql."""
