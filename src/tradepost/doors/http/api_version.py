"""The API version of a request: `/v1` or `/v2`, or `X-API-Version` if the path has no prefix."""

from tradepost.kit.problems import InvalidParameter

VERSION_BY_SEGMENT = {"v1": 1, "v2": 2}
VERSION_BY_HEADER = {b"1": 1, b"2": 2}
DEFAULT_VERSION = 1
SUPPORTED = "Supported versions: 1 (`/v1`) and 2 (`/v2`)."

UNVERSIONED = frozenset(
    [
        *("graphql", "health", "docs", "problems", "parity", "console", "metrics", "pages"),
        *("schema.graphql", "events.json", ".well-known"),
    ]
)
"""First segments of paths that have no version; with a version prefix they do not exist."""


def resolve_version(path: str, header: bytes | None) -> tuple[int, str, str]:
    """Return the version, the prefix ("" without one) and the path to route by.

    Raise InvalidParameter for an unknown version, or if prefix and header contradict each other.
    """
    if path.startswith("/v"):
        segment, slash, rest = path[1:].partition("/")
        version = VERSION_BY_SEGMENT.get(segment)
        if version is not None:
            if header is not None and VERSION_BY_HEADER.get(header.strip()) != version:
                raise _invalid_header(header, f"contradicts `/{segment}` in the path")
            is_unversioned = rest.partition("/")[0] in UNVERSIONED
            return version, f"/{segment}", path if is_unversioned else slash + rest or "/"
        if segment[1:].isdecimal():
            raise InvalidParameter(f"Version `/{segment[:20]}` does not exist. {SUPPORTED}", parameter="version")
    if header is None:
        return DEFAULT_VERSION, "", path
    version = VERSION_BY_HEADER.get(header.strip())
    if version is None:
        raise _invalid_header(header, "does not exist")
    return version, "", path


def _invalid_header(header: bytes, reason: str) -> InvalidParameter:
    return InvalidParameter(
        f"X-API-Version `{header[:20].decode('latin-1')}` {reason}. {SUPPORTED}", parameter="X-API-Version"
    )
