"""Entity tags and the two preconditions that use them (RFC 9110, 8.8.3 and 13.1).

An object's tag is `"<version>.<digest>"`, that of a list or of a GraphQL answer `"<digest>"`; a compressed answer carries `-gzip`, `-br` or
`-zstd` before the closing quote. The digest is xxh3 of the bytes sent, so a tag is strong.
"""

from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from xxhash import xxh3_64_hexdigest

SUFFIXES = (b"-zstd", b"-br", b"-gzip")
LONGEST = 1024


class Wildcard(Enum):
    """The one value of `ANY`."""

    ANY = "*"


ANY: Final = Wildcard.ANY
"""`*`: whatever there is, as long as there is something."""


class EntityTag(NamedTuple):
    """One entity tag of a list: what stands between the quotes, without the suffix of a coding, and whether it is weak."""

    opaque: bytes
    weak: bool


def entity_tag(body: bytes, version: int | None = None) -> bytes:
    """The strong tag of these bytes, quotes included; with a version for a single object."""
    return (
        f'"{xxh3_64_hexdigest(body)}"'.encode()
        if version is None
        else f'"{version}.{xxh3_64_hexdigest(body)}"'.encode()
    )


def matches(header: bytes, etag: bytes) -> bool:
    """Whether `If-None-Match` names this tag, by the weak comparison: `W/`, our suffixes and `*` match as well."""
    if header == etag:
        return True
    given = parse_entity_tags(header)
    return given is ANY or any(tag.opaque == etag[1:-1] for tag in given)


def expected_versions(header: bytes | None) -> tuple[int, ...] | Wildcard | None:
    """What `If-Match` expects of the row: None without the header, ANY for `*`, else the versions of which one must match.

    Only the version part of a tag counts. A weak tag never matches (13.1.1), nor does one that is not an object's tag of ours; where no tag is
    left the tuple is empty, and nothing can match it: that is a 412 and not a 400.
    """
    if header is None:
        return None
    given = parse_entity_tags(header)
    if given is ANY:
        return ANY
    found = (_version(tag) for tag in given)
    return tuple(version for version in found if version is not None)


def _version(tag: EntityTag) -> int | None:
    digits, dot, digest = tag.opaque.partition(b".")
    ours = not tag.weak and dot and digest and len(digits) <= 18 and digits.isdigit()
    return int(digits) if ours else None


def parse_entity_tags(header: bytes) -> tuple[EntityTag, ...] | Wildcard:
    """The tags that a list names; what is no tag is passed over."""
    return _tags(header) if len(header) <= LONGEST else _tags.__wrapped__(header)


@lru_cache(1024)
def _tags(header: bytes) -> tuple[EntityTag, ...] | Wildcard:
    if header.strip() == b"*":
        return ANY
    found: list[EntityTag] = []
    rest = header
    while rest:
        before, quote, rest = rest.partition(b'"')
        opaque, closing, rest = rest.partition(b'"')
        if quote and closing:
            found.append(EntityTag(_uncoded(opaque), before.strip(b" \t,").endswith(b"W/")))
    return tuple(found)


def _uncoded(opaque: bytes) -> bytes:
    """The tag of the plain bytes, where the tag is that of a compressed answer."""
    for suffix in SUFFIXES:
        if opaque.endswith(suffix):
            return opaque[: -len(suffix)]
    return opaque
