"""The file of signing keys: a JWK set with private keys (RFC 7517), newest first.

Only its owner can read it. It is always replaced as a whole, so a reader never sees half of a
write.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

MAX_OLDER_KEYS = 3
"""Older keys that still verify."""

type FileVersion = tuple[int, int, int]


class SigningKeysError(Exception):
    """The signing keys cannot be used. The message is one line and names the file."""


class _Key(msgspec.Struct):
    """The members of a private JWK that we read. The others follow from them."""

    kty: str
    crv: str
    d: str


class _KeySet(msgspec.Struct):
    keys: list[_Key]


def key_from_seed(seed: bytes) -> OKPKey:
    """Return the Ed25519 key of a 32-byte seed.

    Its `kid` is the thumbprint of the public key (RFC 7638), so it is the same on every machine.
    """
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    thumbprint = OKPKey.import_key(private_key).thumbprint()
    return OKPKey.import_key(private_key, {"kid": thumbprint, "use": "sig", "alg": "EdDSA"})


def file_version(path: Path) -> FileVersion | None:
    """Return a value that changes when the file is replaced, or None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def read(path: Path) -> list[OKPKey]:
    """Return the keys of the file, newest first, or raise SigningKeysError."""
    try:
        jwks = msgspec.json.decode(path.read_bytes(), type=_KeySet).keys
        if any(jwk.kty != "OKP" or jwk.crv != "Ed25519" for jwk in jwks):
            raise ValueError("not an Ed25519 key")
        keys = [key_from_seed(base64.urlsafe_b64decode(f"{jwk.d}==")) for jwk in jwks]
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        # Only the type of the error, because its text may quote a key.
        raise SigningKeysError(f"the signing keys in `{path}` cannot be read ({type(error).__name__})") from None
    if not keys:
        raise SigningKeysError(f"there is no key in `{path}`")
    return keys[: MAX_OLDER_KEYS + 1]


def create(path: Path) -> None:
    """Create the file with one new key, unless it exists.

    If several processes start at once, one of them creates it and all use its key.
    """
    with _locked_folder(path), _temporary_file(path, [generate_key()]) as temporary, suppress(FileExistsError):
        os.link(temporary, path)


def rotate(path: Path, initial_keys: Sequence[OKPKey]) -> list[OKPKey]:
    """Add a new key before the older ones and return the keys that are in the file now.

    `initial_keys` are the older keys if the file does not exist.
    """
    with _locked_folder(path):
        older_keys = read(path) if path.exists() else initial_keys
        keys = [generate_key(), *older_keys][: MAX_OLDER_KEYS + 1]
        with _temporary_file(path, keys) as temporary:
            temporary.replace(path)
    return keys


def generate_key() -> OKPKey:
    """Return a new random key."""
    return key_from_seed(secrets.token_bytes(32))


@contextmanager
def _temporary_file(path: Path, keys: Sequence[OKPKey]) -> Generator[Path]:
    """Write the keys to a temporary file beside `path`, flushed to disk. Remove it at the end."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    temporary.touch(mode=0o600)
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode({"keys": [key.as_dict(private=True) for key in keys]}))
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        # It no longer exists if it replaced `path`.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _locked_folder(path: Path) -> Generator[None]:
    """Lock the file's folder. The second of two simultaneous rotations waits, so no key is lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
    except OSError as error:
        raise SigningKeysError(f"the signing keys cannot be written to `{path}` ({error.strerror})") from None
