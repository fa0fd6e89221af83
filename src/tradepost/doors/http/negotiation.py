"""Content negotiation (RFC 9110, 12.5): Accept, Accept-Encoding and Content-Type.

Headers repeat from request to request, so parsed headers are cached, up to a length of
MAX_CACHED_LENGTH. Nothing here raises: elements that cannot be parsed are ignored.
"""

from functools import lru_cache
from typing import NamedTuple

from tradepost.kit.cache_registry import registered_cache

MAX_CACHED_LENGTH = 512
CACHED_BYTES = 2 * MAX_CACHED_LENGTH
"""The most bytes that a cached header takes with its result."""
CODINGS = (b"zstd", b"br", b"gzip")
IGNORED_CHARSETS = frozenset({b"charset=utf-8", b"charset=utf8", b"charset=us-ascii"})


class Range(NamedTuple):
    """One element of Accept or Accept-Encoding; `position` counts from 0."""

    name: bytes
    parameters: frozenset[bytes]
    q: float
    position: int


def best_offer(header: bytes | None, offers: tuple[bytes, ...]) -> bytes | None:
    """Return the offered media type that an `Accept` header prefers, or None if it accepts none.

    The highest q wins, then the more specific range, then the range named first, then the first
    offer. Without a header, or if nothing in it can be parsed, it is the first offer.
    """
    if not header:
        return offers[0]
    return _best_offer(header, offers) if len(header) <= MAX_CACHED_LENGTH else _best_offer.__wrapped__(header, offers)


@registered_cache("accept", CACHED_BYTES)
@lru_cache(256)
def _best_offer(header: bytes, offers: tuple[bytes, ...]) -> bytes | None:
    ranges = _parse_ranges(header)
    if not ranges:
        return offers[0]
    best_rank, best = (0.0, 0, 0), None
    for offer in offers:
        rank = _rank(offer, ranges)
        if rank[0] > 0 and rank > best_rank:
            best_rank, best = rank, offer
    return best


def _rank(offer: bytes, ranges: tuple[Range, ...]) -> tuple[float, int, int]:
    """Return q, specificity and negated position of the most specific range that covers the offer.

    Parameters that the offer does not have are ignored (`application/json;v=1`), but a range
    without them is more specific. Ranks compare like tuples: the position is negated so that the
    first range is the greatest.
    """
    name, parameters = _split_type(offer)
    wildcard = name.partition(b"/")[0] + b"/*"
    best = (-1, 0.0, 0)
    for media_range in ranges:
        required = media_range.parameters - IGNORED_CHARSETS
        is_known = required <= parameters
        if media_range.name == name:
            specificity = 6 + len(required) if is_known else 5
        elif media_range.name == wildcard:
            specificity = 4 if is_known else 3
        elif media_range.name in (b"*/*", b"*"):
            specificity = 2 if is_known else 1
        else:
            continue
        if specificity > best[0]:
            best = (specificity, media_range.q, -media_range.position)
    return best[1], best[0], best[2]


def best_coding(header: bytes | None) -> bytes | None:
    """Return the coding that `Accept-Encoding` prefers: `zstd`, `br` or `gzip`.

    None means uncompressed (12.5.3).
    """
    if not header:
        return None
    return _best_coding(header) if len(header) <= MAX_CACHED_LENGTH else _best_coding.__wrapped__(header)


@registered_cache("accept_encoding", CACHED_BYTES)
@lru_cache(256)
def _best_coding(header: bytes) -> bytes | None:
    weights: dict[bytes, float] = {}
    for element in _parse_ranges(header):
        weights.setdefault(b"gzip" if element.name == b"x-gzip" else element.name, element.q)
    default = weights.get(b"*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, default))
    weight = weights.get(best, default)
    return best if weight > 0 and weight >= weights.get(b"identity", 0.0) else None


def parse_content_type(header: bytes | None) -> tuple[bytes, bytes]:
    """Return the media type without parameters, and the charset or b"", both in lower case."""
    header = header or b""
    return _parse_content_type(header) if len(header) <= MAX_CACHED_LENGTH else _parse_content_type.__wrapped__(header)


@registered_cache("content_type", 2 * CACHED_BYTES)
@lru_cache(256)
def _parse_content_type(header: bytes) -> tuple[bytes, bytes]:
    media_type, *parameters = _split(header, b";")
    charset = b""
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"charset":
            charset = value.strip().strip(b'"').lower()
    return media_type.strip().lower(), charset


def _parse_ranges(header: bytes) -> tuple[Range, ...]:
    """Return the elements of a list with q-values; elements that cannot be parsed are left out."""
    ranges: list[Range] = []
    for element in _split(header, b","):
        name, parameters, q = _parse_element(element)
        if name and q is not None:
            ranges.append(Range(name, parameters, q, len(ranges)))
    return tuple(ranges)


def _parse_element(element: bytes) -> tuple[bytes, frozenset[bytes], float | None]:
    """Return name, parameters and q of one element; q is None if it is not a valid q-value."""
    name, *rest = _split(element, b";")
    name, parameters, q = name.strip().lower(), [], 1.0
    if b" " in name or name.count(b"/") > 1:
        return b"", frozenset(), None
    for parameter in rest:
        key, _, value = parameter.partition(b"=")
        key, value = key.strip().lower(), value.strip()
        if key == b"q":
            return name, frozenset(parameters), _parse_q(value)
        if key:
            parameters.append(key + b"=" + value.strip(b'"').lower())
    return name, frozenset(parameters), q


def _parse_q(value: bytes) -> float | None:
    """Return a q-value (12.4.2): 0 to 1, at most 8 characters; None if it is not valid."""
    if not value or len(value) > 8 or value.translate(None, b"0123456789."):
        return None
    try:
        q = float(value)
    except ValueError:
        return None
    return q if q <= 1 else None


def _split_type(media_type: bytes) -> tuple[bytes, frozenset[bytes]]:
    """Return the name and the parameters of an offered media type."""
    name, parameters, _ = _parse_element(media_type)
    return name, parameters - IGNORED_CHARSETS


def _split(value: bytes, separator: bytes) -> list[bytes]:
    """Split at separators outside quoted strings."""
    if b'"' not in value:
        return value.split(separator)
    parts, start, quoted, escaped = [], 0, False, False
    for index, byte in enumerate(value):
        if escaped:
            escaped = False
        elif byte == 0x5C and quoted:
            escaped = True
        elif byte == 0x22:
            quoted = not quoted
        elif byte == separator[0] and not quoted:
            parts.append(value[start:index])
            start = index + 1
    return [*parts, value[start:]]
