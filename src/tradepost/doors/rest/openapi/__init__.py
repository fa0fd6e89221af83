"""The OpenAPI document of one version: made from the registry, the resources and the routes, never by hand."""

from .document import AuthenticationDocs, openapi_document

__all__ = ["AuthenticationDocs", "openapi_document"]
