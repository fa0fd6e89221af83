"""The API keys, as Bearer token or as user name of HTTP Basic."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import ApiError


@dataclass(frozen=True)
class Keys:
    """The API keys of the account."""

    secret: str = field(repr=False)
    publishable: str

    def is_secret(self, headers: Mapping[str, str]) -> bool:
        """Return whether the caller has the secret key and not the publishable one."""
        key = _key(headers.get("authorization", ""))
        if not key:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            raise ApiError(message, status=401, is_stored=False)
        if hmac.compare_digest(key.encode(), self.secret.encode()):
            return True
        if not hmac.compare_digest(key.encode(), self.publishable.encode()):
            raise ApiError(f"Invalid API Key provided: {key[:8]}****", status=401, is_stored=False)
        return False


def _key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
