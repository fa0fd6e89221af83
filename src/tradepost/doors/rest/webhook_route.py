"""The route of webhooks that another service sends to this server."""

from typing import Any

from tradepost.kit.operations.operation import Operation

from .route import OperationRoute


class WebhookRoute(OperationRoute):
    """The route of webhooks: `@post_webhook("/{provider:str}/events", ...)`.

    The signature covers the bytes of the body, so the handler reads them as they were sent
    (`RestRequest.raw_body`), whatever their media type is.

    parameter, signature_header: the parameter of its path with an example, and the name of a header
        that holds a signature, for the OpenAPI document.
    """

    def __init__(
        self, path: str, operation: Operation[Any, ..., Any], parameter: tuple[str, str], signature_header: str
    ) -> None:
        super().__init__("POST", path, operation)
        self.parameter, self.signature_header = parameter, signature_header


def post_webhook(
    path: str, operation: Operation[Any, ..., Any], *, parameter: tuple[str, str], signature_header: str
) -> WebhookRoute:
    """Route POST requests with a signed body of any media type to an operation."""
    return WebhookRoute(path, operation, parameter, signature_header)
