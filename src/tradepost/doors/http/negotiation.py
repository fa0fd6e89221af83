"""Content negotiation (RFC 9110, 12.5): what a caller accepts, weighed by q-values, specificity and order.

Headers repeat from request to request, so every parsed header stays in a bounded cache; a header longer than `LONGEST` is parsed anew each
time and never kept. Nothing here raises: an element that cannot be read is passed over.
"""

from functools import lru_cache
from typing import NamedTuple

LONGEST = 1024
CODINGS = (b"zstd", b"br", b"gzip")
BARE_CHARSETS = frozenset({b"charset=utf-8", b"charset=utf8", b"charset=us-ascii"})


class Range(NamedTuple):
    """One element of a weighed list: its name, its parameters (without q), its weight and its place in the list."""

    name: bytes
    parameters: frozenset[bytes]
    q: float
    place: int


def best_offer(header: bytes | None, offers: tuple[bytes, ...]) -> bytes | None:
    """The offer that an `Accept` header likes best, or None where it likes none.

    The highest q wins; then what was named more exactly, then what the caller named first, then what we offer first. Without a header, or
    with one of which nothing can be read, it is the first offer.
    """
    if not header:
        return offers[0]
    return _accepted(header, offers) if len(header) <= LONGEST else _accepted.__wrapped__(header, offers)


@lru_cache(512)
def _accepted(header: bytes, offers: tuple[bytes, ...]) -> bytes | None:
    ranges = weighed(header)
    if not ranges:
        return offers[0]
    best, chosen = (0.0, 0, 0), None
    for offer in offers:
        rank = _rank(offer, ranges)
        if rank[0] > 0 and rank > best:
            best, chosen = rank, offer
    return chosen


def _rank(offer: bytes, ranges: tuple[Range, ...]) -> tuple[float, int, int]:
    """Weight, specificity and place (negative, so that the first is the greatest) of the most specific range that covers the offer."""
    name, parameters = _split_type(offer)
    wide = name.partition(b"/")[0] + b"/*"
    best = (-1, 0.0, 0)
    for it in ranges:
        wanted = it.parameters - BARE_CHARSETS
        if it.name == name and wanted <= parameters:
            specificity = 3 + len(wanted)
        elif not wanted and it.name == wide:
            specificity = 2
        elif not wanted and it.name in (b"*/*", b"*"):
            specificity = 1
        else:
            continue
        if specificity > best[0]:
            best = (specificity, it.q, -it.place)
    return best[1], best[0], best[2]


def best_coding(header: bytes | None) -> bytes | None:
    """The content coding to use: `zstd`, `br` or `gzip` by `Accept-Encoding`, or None for the plain bytes (12.5.3)."""
    if not header:
        return None
    return _coding(header) if len(header) <= LONGEST else _coding.__wrapped__(header)


@lru_cache(512)
def _coding(header: bytes) -> bytes | None:
    weights: dict[bytes, float] = {}
    for it in weighed(header):
        weights.setdefault(b"gzip" if it.name == b"x-gzip" else it.name, it.q)
    others = weights.get(b"*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, others))
    weight = weights.get(best, others)
    return best if weight > 0 and weight >= weights.get(b"identity", 0.0) else None


@lru_cache(256)
def parse_content_type(header: bytes | None) -> tuple[bytes, bytes]:
    """The media type in lower case without parameters, and the charset in lower case (empty where none is named)."""
    media, *parameters = _pieces(header or b"", b";")
    charset = b""
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"charset":
            charset = value.strip().strip(b'"').lower()
    return media.strip().lower(), charset


def weighed(header: bytes) -> tuple[Range, ...]:
    """The elements of a weighed list; an element that cannot be read is left out."""
    found: list[Range] = []
    for element in _pieces(header, b","):
        name, parameters, q = _read(element)
        if name and q is not None:
            found.append(Range(name, parameters, q, len(found)))
    return tuple(found)


def _read(element: bytes) -> tuple[bytes, frozenset[bytes], float | None]:
    """Name, parameters and weight of one element; the weight is None where it is no q-value."""
    name, *rest = _pieces(element, b";")
    name, parameters, q = name.strip().lower(), [], 1.0
    if b" " in name or name.count(b"/") > 1:
        return b"", frozenset(), None
    for piece in rest:
        key, _, value = piece.partition(b"=")
        key, value = key.strip().lower(), value.strip()
        if key == b"q":
            return name, frozenset(parameters), _weight(value)
        if key:
            parameters.append(key + b"=" + value.strip(b'"').lower())
    return name, frozenset(parameters), q


def _weight(value: bytes) -> float | None:
    """A q-value (12.4.2): 0 to 1 with at most a few decimals."""
    if not value or len(value) > 8 or value.translate(None, b"0123456789."):
        return None
    try:
        q = float(value)
    except ValueError:
        return None
    return q if q <= 1 else None


def _split_type(media: bytes) -> tuple[bytes, frozenset[bytes]]:
    """An offer's name and its parameters."""
    name, parameters, _ = _read(media)
    return name, parameters - BARE_CHARSETS


def _pieces(value: bytes, mark: bytes) -> list[bytes]:
    """Splits at a mark that stands outside quotes."""
    if b'"' not in value:
        return value.split(mark)
    pieces, start, quoted, escaped = [], 0, False, False
    for at, byte in enumerate(value):
        if escaped:
            escaped = False
        elif byte == 0x5C and quoted:
            escaped = True
        elif byte == 0x22:
            quoted = not quoted
        elif byte == mark[0] and not quoted:
            pieces.append(value[start:at])
            start = at + 1
    return [*pieces, value[start:]]
