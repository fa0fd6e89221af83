"""Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, by the advice of RFC 8725.

What is read is only what `issue` writes: the header has exactly `alg`, `kid` and `typ`, so there is no key, address or certificate in it that
could be followed, and nothing critical to understand. `alg` is that of the shop's keys and never the token's to choose. `client_id` is the API
key that the token was given for; a user who logs in has no registered client, and the token has none.
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
from tradepost.kit.problems import Unauthenticated

from .signing import SigningKeys

MAX_LENGTH = 4096
LEEWAY = 10
"""Seconds by which a clock of another machine may be ahead."""
JWT_PATTERN = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
INVALID_TOKEN_DETAIL = "The access token is not good: it is malformed, expired, or not made for this shop."

log = logging.getLogger("tradepost.tokens")


class Claims(msgspec.Struct, frozen=True):
    """What a good token says: whose it is, of which session or API key, within which scope (None: whatever its owner may), until when."""

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


class _Only(JWSRegistry):
    """One algorithm and no other. joserfc warns of the name `EdDSA`, which RFC 9864 replaces by `Ed25519`; most verifiers know only the old one yet."""

    def get_alg(self, name: str) -> Any:
        if self.allowed is None or name not in self.allowed:
            raise UnsupportedAlgorithmError(f"`{name}` is not the algorithm of the keys")
        return self.algorithms[name]


class _Refused(Exception):
    """Why a token is not good. Only the log is told."""


class AccessTokens:
    """Issues and reads access tokens. One for each process."""

    def __init__(
        self, keys: SigningKeys, *, issuer: str, audience: str, lifetime: int = 900, clock: Clock = now
    ) -> None:
        self.keys, self.issuer, self.audience, self.lifetime, self.clock = keys, issuer, audience, lifetime, clock
        self._registry = _Only(algorithms=[keys.algorithm])
        self._header, self._payload = msgspec.json.Decoder(_Header), msgspec.json.Decoder(_Payload)

    def issue(
        self, *, user: str, session: str | None, key: str | None = None, scope: Collection[str] | None = None
    ) -> tuple[str, int]:
        """A token, and for how many seconds it is good. `user` is whose it is; a key that is nobody's stands for itself (RFC 9068, 2.2)."""
        signing, moment = self.keys.current(), int(self.clock().timestamp())
        said = _Payload(
            self.issuer, self.audience, user, moment, moment + self.lifetime, secrets.token_urlsafe(16),
            sid=session, client_id=key, scope=None if scope is None else " ".join(sorted(scope)),
        )  # fmt: skip
        header = {"alg": self.keys.algorithm, "kid": str(signing.kid), "typ": "at+jwt"}
        return jws.serialize_compact(header, msgspec.json.encode(said), signing, registry=self._registry), self.lifetime

    def decode(self, text: str) -> Claims:
        """What a token says. Raises Unauthenticated, with the same words whatever is wrong with it."""
        try:
            return self._read(text)
        except (_Refused, msgspec.DecodeError, JoseError, ValueError, OverflowError) as reason:
            log.debug("access token refused: %s", reason)
            raise Unauthenticated(INVALID_TOKEN_DETAIL) from None

    def _read(self, text: str) -> Claims:
        parts = JWT_PATTERN.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parts is None:
            raise _Refused("it is too long or has not the form of a JWT")
        header = self._header.decode(_bytes(parts[1]))
        if header.alg != self.keys.algorithm:
            raise _Refused("another algorithm than that of the keys")
        if (key := self.keys.get(header.kid)) is None:
            raise _Refused("unknown kid")
        # joserfc takes one spelling of base64 only: the bits that it leaves over are not signed, and must be zero.
        said = self._payload.decode(jws.deserialize_compact(text, key, registry=self._registry).payload or b"")
        self._check(said)
        return _claims(said)

    def _check(self, said: _Payload) -> None:
        """Whether a token that we signed is for here and now."""
        moment = self.clock().timestamp()
        if said.iss != self.issuer or said.aud != self.audience:
            raise _Refused("another issuer or audience")
        if said.exp <= moment:
            raise _Refused("expired")
        if max(said.iat, said.nbf or 0) > moment + LEEWAY:
            raise _Refused("not yet valid")
        if not said.sub or not said.jti:
            raise _Refused("an empty claim")


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(f"{part}==")


def _claims(said: _Payload) -> Claims:
    scope = None if said.scope is None else frozenset(said.scope.split())
    issued, expires = datetime.fromtimestamp(said.iat, UTC), datetime.fromtimestamp(said.exp, UTC)
    return Claims(said.jti, said.sub, said.sid, said.client_id, scope, issued, expires)
