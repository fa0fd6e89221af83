"""Entity tags, If-Match and If-None-Match (RFC 9110, 8.8.3 and 13.1).

The tag of an object is `"<version>.<digest>"`, that of a list or a GraphQL response `"<digest>"`.
A compressed response has `-gzip`, `-br` or `-zstd` before the closing quote. The digest is xxh3 of
the uncompressed bytes, so tags are strong.
"""

from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from xxhash import xxh3_64_hexdigest

from tradepost.kit.cache_registry import registered_cache

SUFFIXES = (b"-zstd", b"-br", b"-gzip")
MAX_CACHED_LENGTH, CACHED_BYTES = 128, 10_000
"""Bytes up to which a list of tags is cached, and the most that one takes then."""


class Wildcard(Enum):
    """The type of `ANY`."""

    ANY = "*"


ANY: Final = Wildcard.ANY
"""`*`: matches any existing representation."""


class EntityTag(NamedTuple):
    """An entity tag in a list.

    opaque: the characters between the quotes, without the suffix of a content coding.
    """

    opaque: bytes
    weak: bool


def entity_tag(body: bytes, version: int | None = None) -> bytes:
    """Return the strong tag of a body, with quotes. A single object has a `version`."""
    return (
        f'"{xxh3_64_hexdigest(body)}"'.encode()
        if version is None
        else f'"{version}.{xxh3_64_hexdigest(body)}"'.encode()
    )


def matches(header: bytes, etag: bytes) -> bool:
    """Whether `If-None-Match` matches this tag.

    By weak comparison: `W/` and the suffixes of content codings are ignored; `*` matches.
    """
    if header == etag:
        return True
    tags = parse_entity_tags(header)
    return tags is ANY or any(tag.opaque == etag[1:-1] for tag in tags)


def expected_versions(header: bytes | None) -> tuple[int, ...] | Wildcard | None:
    """Return the versions of which `If-Match` requires one; None without the header, ANY for `*`.

    Only the version part of a tag counts. Weak tags (13.1.1) and tags that are not an object's are
    left out. If no tag is left, the tuple is empty: nothing matches, which is a 412, not a 400.
    """
    if header is None:
        return None
    tags = parse_entity_tags(header)
    if tags is ANY:
        return ANY
    versions = (_version(tag) for tag in tags)
    return tuple(version for version in versions if version is not None)


def _version(tag: EntityTag) -> int | None:
    digits, dot, digest = tag.opaque.partition(b".")
    is_object_tag = not tag.weak and dot and digest and len(digits) <= 18 and digits.isdigit()
    return int(digits) if is_object_tag else None


def parse_entity_tags(header: bytes) -> tuple[EntityTag, ...] | Wildcard:
    """Return the tags in a list; what is not a tag is ignored."""
    return _parse_tags(header) if len(header) <= MAX_CACHED_LENGTH else _parse_tags.__wrapped__(header)


@registered_cache("entity_tags", CACHED_BYTES)
@lru_cache(256)
def _parse_tags(header: bytes) -> tuple[EntityTag, ...] | Wildcard:
    if header.strip() == b"*":
        return ANY
    tags: list[EntityTag] = []
    rest = header
    while rest:
        before, quote, rest = rest.partition(b'"')
        opaque, closing, rest = rest.partition(b'"')
        if quote and closing:
            tags.append(EntityTag(_without_coding(opaque), before.strip(b" \t,").endswith(b"W/")))
    return tuple(tags)


def _without_coding(opaque: bytes) -> bytes:
    """Return the tag of the uncompressed response."""
    for suffix in SUFFIXES:
        if opaque.endswith(suffix):
            return opaque[: -len(suffix)]
    return opaque
