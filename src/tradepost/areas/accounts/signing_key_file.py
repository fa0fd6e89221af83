"""The file of the signing keys: a JWK set with the private members (RFC 7517), the newest key first, readable by its owner only.

It is only ever replaced as a whole, so that whoever reads it sees one state or the next, never half of one.
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
"""How many older keys still verify."""

type FileVersion = tuple[int, int, int] | None


class SigningKeysError(Exception):
    """The file of the signing keys cannot be used. The text is one line that names it."""


class _Key(msgspec.Struct):
    """What we need of a private JWK; everything else follows from it."""

    kty: str
    crv: str
    d: str


class _KeySet(msgspec.Struct):
    keys: list[_Key]


def key_from_seed(seed: bytes) -> OKPKey:
    """The Ed25519 key of a seed of 32 bytes. Its `kid` is the thumbprint of its public half (RFC 7638), so equal keys have equal names everywhere."""
    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
    return OKPKey.import_key(
        Ed25519PrivateKey.from_private_bytes(seed), {"kid": key.thumbprint(), "use": "sig", "alg": "EdDSA"}
    )


def file_version(path: Path) -> FileVersion:
    """What changes when the file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(path: Path) -> list[OKPKey]:
    """The keys of the file, the newest first."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_KeySet).keys
        if any(key.kty != "OKP" or key.crv != "Ed25519" for key in found):
            raise ValueError("a key is none of Ed25519")
        keys = [key_from_seed(base64.urlsafe_b64decode(f"{key.d}==")) for key in found]
    except (OSError, ValueError, msgspec.MsgspecError) as fault:
        # Only the kind of the fault: its text may quote a key.
        raise SigningKeysError(f"the signing keys in `{path}` cannot be read ({type(fault).__name__})") from None
    if not keys:
        raise SigningKeysError(f"there is no key in `{path}`")
    return keys[: MAX_OLDER_KEYS + 1]


def create(path: Path) -> None:
    """A file with one new key, unless there is one: of several processes that start together one wins, and all use its key."""
    with _folder(path), _draft(path, [generate_key()]) as draft, suppress(FileExistsError):
        os.link(draft, path)


def rotate(path: Path, before: Sequence[OKPKey]) -> list[OKPKey]:
    """Puts a new key in front and keeps the older ones, those of the file or else these; says what is in the file now."""
    with _folder(path):
        keys = [generate_key(), *(read(path) if path.exists() else before)][: MAX_OLDER_KEYS + 1]
        with _draft(path, keys) as draft:
            draft.replace(path)
    return keys


def generate_key() -> OKPKey:
    """A key that nobody knows."""
    return key_from_seed(secrets.token_bytes(32))


@contextmanager
def _draft(path: Path, keys: Sequence[OKPKey]) -> Generator[Path]:
    """The keys in a file aside, safely on the disk, of which nothing is left at the end."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    try:
        with draft.open("wb") as file:
            file.write(msgspec.json.encode({"keys": [key.as_dict(private=True) for key in keys]}))
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        # Where the folder is none there is no draft, and that is told already.
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _folder(path: Path) -> Generator[None]:
    """The file's folder for one process alone: of two rotations at once the second waits, so that neither key is lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)
    except OSError as fault:
        raise SigningKeysError(f"the signing keys cannot be written to `{path}` ({fault.strerror})") from None
