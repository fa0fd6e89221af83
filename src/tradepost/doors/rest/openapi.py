"""The OpenAPI document of one version: made from the registry and the routes, never by hand."""

from collections.abc import Sequence
from typing import Any

from tradepost.kit.registry import Registry

from .door import RestDoor


def openapi(registry: Registry, door: RestDoor, routes: Sequence[Any], version: int) -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {"openapi": "3.1.0", "info": {"title": "Tradepost", "version": str(version)}, "paths": {}}
