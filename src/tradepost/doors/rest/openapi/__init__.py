"""The OpenAPI document of one version: made from the registry, the resources and the routes, never by hand."""

from .document import Signing, openapi

__all__ = ["Signing", "openapi"]
