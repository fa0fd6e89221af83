"""Errors as Stripe's API answers them: an envelope with a type, a code and a message."""

from typing import Any

DOCUMENTATION = "https://docs.stripe.com/error-codes/"


class ApiError(Exception):
    """An error answer. Raising it commits what the request has changed, as after a decline."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        is_stored: bool = True,
        **details: Any,
    ) -> None:
        """Make an error.

        is_stored: whether a request with the same idempotency key gets it again. Errors of
            validation and of concurrency come before the endpoint runs, so they are not stored.
        """
        super().__init__(message)
        self.message, self.status, self.type, self.code, self.param = message, status, type, code, param
        self.is_stored, self.details = is_stored, details

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        members = {"code": self.code, "param": self.param, **self.details, "message": self.message, "type": self.type}
        if self.code is not None:
            members["doc_url"] = DOCUMENTATION + self.code.replace("_", "-")
        return {"error": {name: value for name, value in members.items() if value is not None}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the error of a parameter that is not valid by itself."""
    return ApiError(message, param=param, code=code, is_stored=False)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """Return the error of an object that does not exist."""
    message = f"No such {kind}: '{object_id}'"
    return ApiError(message, status=404, code="resource_missing", param=param)


def unexpected_state(message: str, intent: dict[str, Any]) -> ApiError:
    """Return the error of a step that the status of the payment intent does not allow."""
    return ApiError(message, code="payment_intent_unexpected_state", payment_intent=intent)
