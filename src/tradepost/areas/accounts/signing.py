"""The keys that sign access tokens.

`EdDSA` (the default) signs with the newest Ed25519 key of the file SIGNING_KEYS. The older keys of
the file still verify, so that `tradepost rotate-signing-key` invalidates no token before it
expires. In the default profile the file is created on the first run. In production it is not: if
there is no file, the key is derived from SECRET_KEY, so that several machines agree without
sharing a file. After a rotation in production, copy the file to every machine; the key derived
from SECRET_KEY is its oldest key and still verifies.

`HS256` signs with a secret derived from SECRET_KEY. It has no public key. To rotate it, change
SECRET_KEY.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec
from joserfc.jwk import OctKey, OKPKey

from tradepost.kit.crypto import derive_key

from . import signing_key_file as key_file
from .signing_key_file import SigningKeysError

type Algorithm = Literal["EdDSA", "HS256"]
RELOAD_INTERVAL = 2.0
"""Seconds between two checks of the file for changes."""

log = logging.getLogger("tradepost.signing")


class SigningKeys:
    """The keys of one algorithm, loaded on first use.

    A changed file is noticed within two seconds, or on the first token with an unknown `kid`.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        algorithm: Algorithm = "EdDSA",
        path: str | os.PathLike[str],
        create_missing: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`create_missing`: create the file if it does not exist, instead of deriving a key."""
        self.algorithm, self.path, self.create_missing, self.clock = algorithm, Path(path), create_missing, clock
        self._secret = secret_key
        self._keys: dict[str, OKPKey] | dict[str, OctKey] = {}
        self._version: key_file.FileVersion | None = None
        self._reload_at = 0.0

    def load(self) -> None:
        """Load the keys, creating the file if that is configured.

        Raise SigningKeysError if they cannot be used.
        """
        if self.algorithm == "HS256":
            key = OctKey.import_key(
                derive_key(self._secret, "access tokens"),
                {"kid": derive_key(self._secret, "access tokens, name").hex()[:16], "use": "sig"},
            )
            self._keys = {str(key.kid): key}
            return
        if self.create_missing and not self.path.exists():
            key_file.create(self.path)
        self._version, self._reload_at = key_file.file_version(self.path), self.clock() + RELOAD_INTERVAL
        keys = key_file.read(self.path) if self._version is not None else [self._derived_key()]
        self._keys = {str(key.kid): key for key in keys}

    def current(self) -> OKPKey | OctKey:
        """Return the key that signs."""
        self._reload_if_changed()
        return next(iter(self._keys.values()))

    def get(self, kid: str) -> OKPKey | OctKey | None:
        """Return the key with this `kid`, or None if there is none that verifies."""
        self._reload_if_changed()
        if kid not in self._keys:
            self._reload_if_changed(now=True)
        return self._keys.get(kid)

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK set (RFC 7517, 5). It is empty for HS256."""
        self._reload_if_changed()
        return {"keys": [key.as_dict(private=False) for key in self._keys.values() if isinstance(key, OKPKey)]}

    def jwks_json(self) -> bytes | None:
        """Return the JWK set as JSON, or None for HS256."""
        return msgspec.json.encode(self.jwks()) if self.algorithm == "EdDSA" else None

    def rotate(self) -> list[str]:
        """Add a new key that signs from now on. Return every `kid` in the file, newest first."""
        if self.algorithm == "HS256":
            raise SigningKeysError("with TOKEN_ALGORITHM=HS256 the key is derived from SECRET_KEY; change that instead")
        initial_keys = [] if self.create_missing else [self._derived_key()]
        return [str(key.kid) for key in key_file.rotate(self.path, initial_keys)]

    def _derived_key(self) -> OKPKey:
        return key_file.key_from_seed(derive_key(self._secret, "access tokens, Ed25519"))

    def _reload_if_changed(self, *, now: bool = False) -> None:
        """Reload the file if it has changed, at most every two seconds unless `now`.

        If it cannot be read, the previous keys stay in use: an old key is better than an outage.
        """
        if not self._keys:
            self.load()
        if self.algorithm == "HS256" or not (now or self.clock() >= self._reload_at):
            return
        self._reload_at = self.clock() + RELOAD_INTERVAL
        version = key_file.file_version(self.path)
        if version is None or version == self._version:
            return
        self._version = version
        try:
            self._keys = {str(key.kid): key for key in key_file.read(self.path)}
        except SigningKeysError as error:
            log.error("%s: the previous keys stay in use", error)
