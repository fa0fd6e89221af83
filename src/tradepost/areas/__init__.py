"""The business areas.

Each area has the same files: models, schemas, policy, resource, service, rest, graphql.
"""
