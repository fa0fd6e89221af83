"""Access tokens: JWTs (RFC 7519) with the profile of RFC 9068, verified as RFC 8725 advises.

Only tokens of the exact form that `issue` writes are accepted. The header holds `alg`, `kid` and
`typ` and nothing else, so it cannot carry a key, a URL or a certificate to follow, nor a critical
extension. The algorithm is that of the server's keys; the token cannot choose it. `client_id` is
the API key that the token was issued for. A user who logs in has no registered client, so the
token has no `client_id`.
"""

import base64
import logging
import re
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from tradepost.kit.clock import Clock, now
from tradepost.kit.problems import TokenExpired, Unauthenticated

from .signing import SigningKeys

MAX_LENGTH = 4096
LEEWAY = 10
"""Seconds that the clock of another machine may be ahead."""
JWT_PATTERN = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
INVALID_TOKEN_DETAIL = "The access token is malformed, or was not issued by this server."  # noqa: S105
EXPIRED_TOKEN_DETAIL = "The access token has expired."  # noqa: S105

log = logging.getLogger("tradepost.tokens")


class Claims(msgspec.Struct, frozen=True):
    """The claims of a valid token.

    session, key: the session or the API key that it was issued for.
    scope: the permissions that it is limited to; None: all those of its owner.
    """

    id: str
    user: str
    session: str | None
    key: str | None
    scope: frozenset[str] | None
    issued_at: datetime
    expires_at: datetime


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: Literal["at+jwt"]


class _Payload(msgspec.Struct, omit_defaults=True):
    iss: str
    aud: str
    sub: str
    iat: int
    exp: int
    jti: str
    nbf: int | None = None
    sid: str | None = None
    client_id: str | None = None
    scope: str | None = None


class _SingleAlgorithmRegistry(JWSRegistry):
    """A registry of exactly one algorithm.

    joserfc warns about the name `EdDSA`, which RFC 9864 replaces by `Ed25519`. Most verifiers
    support only the old name yet, so this registry skips the warning.
    """

    def get_alg(self, name: str) -> Any:
        if self.allowed is None or name not in self.allowed:
            raise UnsupportedAlgorithmError(f"`{name}` is not the algorithm of the signing keys")
        return self.algorithms[name]


class _InvalidToken(Exception):
    """The reason why a token is invalid. It is logged, but not sent to the client."""


class AccessTokens:
    """Issues and decodes access tokens. There is one per process."""

    def __init__(
        self, keys: SigningKeys, *, issuer: str, audience: str, lifetime: int = 900, clock: Clock = now
    ) -> None:
        """`lifetime` is in seconds."""
        self.keys, self.issuer, self.audience, self.lifetime, self.clock = keys, issuer, audience, lifetime, clock
        self._registry = _SingleAlgorithmRegistry(algorithms=[keys.algorithm])
        self._header, self._payload = msgspec.json.Decoder(_Header), msgspec.json.Decoder(_Payload)

    def issue(
        self, *, user: str, session: str | None, key: str | None = None, scope: Collection[str] | None = None
    ) -> tuple[str, int]:
        """Return a token and its lifetime in seconds.

        `user` is the id of the token's subject. An API key without an owner is its own subject
        (RFC 9068, 2.2).
        """
        signing_key, issued_at = self.keys.current(), int(self.clock().timestamp())
        payload = _Payload(
            iss=self.issuer,
            aud=self.audience,
            sub=user,
            iat=issued_at,
            exp=issued_at + self.lifetime,
            jti=secrets.token_urlsafe(16),
            sid=session,
            client_id=key,
            scope=None if scope is None else " ".join(sorted(scope)),
        )
        header = {"alg": self.keys.algorithm, "kid": str(signing_key.kid), "typ": "at+jwt"}
        body = msgspec.json.encode(payload)
        return jws.serialize_compact(header, body, signing_key, registry=self._registry), self.lifetime

    def decode(self, text: str) -> Claims:
        """Verify a token and return its claims.

        Raise TokenExpired for one of ours that has expired, and Unauthenticated for any other,
        with the same detail for every cause.
        """
        try:
            return self._decode(text)
        except (_InvalidToken, msgspec.DecodeError, JoseError, ValueError, OverflowError) as reason:
            log.debug("access token rejected: %s", reason)
            raise Unauthenticated.bad_credential(INVALID_TOKEN_DETAIL) from None

    def _decode(self, text: str) -> Claims:
        parts = JWT_PATTERN.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parts is None:
            raise _InvalidToken("too long, or not a JWT")
        header = self._header.decode(_base64_decode(parts[1]))
        if header.alg != self.keys.algorithm:
            raise _InvalidToken("wrong algorithm")
        if (key := self.keys.get(header.kid)) is None:
            raise _InvalidToken("unknown kid")
        # joserfc accepts only canonical base64: the unused bits of the last character are not
        # signed, so they must be zero.
        payload = self._payload.decode(jws.deserialize_compact(text, key, registry=self._registry).payload or b"")
        self._check(payload)
        return _claims(payload)

    def _check(self, payload: _Payload) -> None:
        """Raise _InvalidToken or TokenExpired unless a token of ours is valid here and now."""
        timestamp = self.clock().timestamp()
        if payload.iss != self.issuer or payload.aud != self.audience:
            raise _InvalidToken("wrong issuer or audience")
        if max(payload.iat, payload.nbf or 0) > timestamp + LEEWAY:
            raise _InvalidToken("not yet valid")
        if not payload.sub or not payload.jti:
            raise _InvalidToken("empty claim")
        if payload.exp <= timestamp:
            raise TokenExpired(EXPIRED_TOKEN_DETAIL)


def _base64_decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(f"{part}==")


def _claims(payload: _Payload) -> Claims:
    scope = None if payload.scope is None else frozenset(payload.scope.split())
    issued_at, expires_at = datetime.fromtimestamp(payload.iat, UTC), datetime.fromtimestamp(payload.exp, UTC)
    return Claims(payload.jti, payload.sub, payload.sid, payload.client_id, scope, issued_at, expires_at)
