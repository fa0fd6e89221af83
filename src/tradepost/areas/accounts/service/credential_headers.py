"""The credential in the headers of a request."""

from tradepost.kit.problems import Unauthenticated

from .errors import INVALID_CREDENTIAL_DETAIL


def credential_in(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the credential of the headers.

    Raise Unauthenticated if one is malformed, or if they have different credentials.
    """
    texts = [_credential_in_header(name, value.decode("latin-1").strip()) for name, value in headers]
    if len(set(texts)) > 1:
        raise Unauthenticated.bad_credential(
            "`Authorization` and `X-API-Key` have different credentials. Send only one."
        )
    return texts[0]


def _credential_in_header(name: bytes, value: str) -> str:
    if name == b"x-api-key":
        if not value.startswith("tp_"):
            raise Unauthenticated.bad_credential(INVALID_CREDENTIAL_DETAIL)
        return value
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "bearer" or not rest.strip():
        raise Unauthenticated.bad_credential(
            "`Authorization` must be `Bearer` followed by an access token or an API key (`tp_...`)."
        )
    return rest.strip()
