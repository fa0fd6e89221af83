"""The OpenAPI document of an API version, generated from the registry, resources and routes."""

from .document import AuthenticationDocs, openapi_document

__all__ = ["AuthenticationDocs", "openapi_document"]
