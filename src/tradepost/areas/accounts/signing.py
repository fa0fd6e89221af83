"""The keys that sign access tokens.

`EdDSA` (the default) signs with the newest Ed25519 key of the file SIGNING_KEYS and takes the older ones as well, so that
`tradepost rotate-signing-key` ends no token before its time. The default profile makes the file on its first run. In production nothing is
made: where there is no file, the one key comes from SECRET_KEY, so that several machines agree without sharing a file. Whoever rotates
there brings the file to every machine; the key from SECRET_KEY goes on to verify as the oldest in it.

`HS256` signs with a secret that comes from SECRET_KEY. It has no public half, and a new SECRET_KEY is its rotation.
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
"""Seconds between two looks at the file."""

log = logging.getLogger("tradepost.signing")


class SigningKeys:
    """The keys of one algorithm, read when they are first asked for. A changed file is noticed within two seconds, or with the first unknown `kid`."""

    def __init__(
        self,
        secret_key: str,
        *,
        algorithm: Algorithm = "EdDSA",
        path: str | os.PathLike[str],
        create_missing: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.algorithm, self.path, self.create_missing, self.clock = algorithm, Path(path), create_missing, clock
        self._secret = secret_key
        self._keys: dict[str, OKPKey] | dict[str, OctKey] = {}
        self._stamp: key_file.FileVersion = None
        self._reload_at = 0.0

    def load(self) -> None:
        """Reads the keys, and makes them where that is to be done. Raises SigningKeysError where they cannot be used."""
        if self.algorithm == "HS256":
            key = OctKey.import_key(
                derive_key(self._secret, "access tokens"),
                {"kid": derive_key(self._secret, "access tokens, name").hex()[:16], "use": "sig"},
            )
            self._keys = {str(key.kid): key}
            return
        if self.create_missing and not self.path.exists():
            key_file.create(self.path)
        self._stamp, self._reload_at = key_file.file_version(self.path), self.clock() + RELOAD_INTERVAL
        self._keys = {str(key.kid): key for key in (key_file.read(self.path) if self._stamp else [self._derived()])}

    def current(self) -> OKPKey | OctKey:
        """The key that signs."""
        self._look()
        return next(iter(self._keys.values()))

    def get(self, kid: str) -> OKPKey | OctKey | None:
        """The key of this name, if it still verifies."""
        self._look()
        if kid not in self._keys:
            self._look(now=True)
        return self._keys.get(kid)

    def jwks(self) -> dict[str, Any]:
        """The public halves as a JWK set (RFC 7517, 5); empty for HS256."""
        self._look()
        return {"keys": [key.as_dict(private=False) for key in self._keys.values() if isinstance(key, OKPKey)]}

    def jwks_json(self) -> bytes | None:
        """The JWK set as JSON; None where there are no public keys."""
        return msgspec.json.encode(self.jwks()) if self.algorithm == "EdDSA" else None

    def rotate(self) -> list[str]:
        """Puts a new key in front; the names of all that are kept, the newest first."""
        if self.algorithm == "HS256":
            raise SigningKeysError("with TOKEN_ALGORITHM=HS256 the key comes from SECRET_KEY; set another one there")
        return [str(key.kid) for key in key_file.rotate(self.path, [] if self.create_missing else [self._derived()])]

    def _derived(self) -> OKPKey:
        return key_file.key_from_seed(derive_key(self._secret, "access tokens, Ed25519"))

    def _look(self, *, now: bool = False) -> None:
        """Reads the file again if it is another one. Where that fails the keys of before stay: running is better than right to the second."""
        if not self._keys:
            self.load()
        if self.algorithm == "HS256" or not (now or self.clock() >= self._reload_at):
            return
        self._reload_at = self.clock() + RELOAD_INTERVAL
        stamp = key_file.file_version(self.path)
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = {str(key.kid): key for key in key_file.read(self.path)}
        except SigningKeysError as fault:
            log.error("%s: the keys of before stay in use", fault)
