"""The REST API: what an area's `rest.py` needs to declare its routes."""

from .request import RestRequest
from .route import delete, get, patch, post, put
from .token_endpoint import post_form
from .webhook_route import post_webhook

__all__ = ["RestRequest", "delete", "get", "patch", "post", "post_form", "post_webhook", "put"]
