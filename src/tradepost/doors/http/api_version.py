"""Which version of the interface a request speaks: `/v1` or `/v2`, or without a prefix `X-API-Version` (WIRE: Versions)."""

from tradepost.kit.problems import InvalidParameter

VERSIONS = {"v1": 1, "v2": 2}
BY_HEADER = {b"1": 1, b"2": 2}
DEFAULT = 1
SUPPORTED = "Supported are 1 (`/v1`) and 2 (`/v2`)."

UNVERSIONED = frozenset(
    {"graphql", "health", "docs", "problems", "parity", "console", "metrics", "schema.graphql", ".well-known", "pages"}
)
"""First segments of the paths that stand outside the versions; with a prefix they do not exist."""


def resolve_version(path: str, header: bytes | None) -> tuple[int, str, str]:
    """The version, the prefix (empty without one) and the path to route by; InvalidParameter where prefix and header do not agree."""
    if path.startswith("/v"):
        segment, slash, rest = path[1:].partition("/")
        version = VERSIONS.get(segment)
        if version is not None:
            if header is not None and BY_HEADER.get(header.strip()) != version:
                raise unsupported(header, f"contradicts the path's `/{segment}`")
            unknown = rest.partition("/")[0] in UNVERSIONED
            return version, f"/{segment}", path if unknown else slash + rest or "/"
        if segment[1:].isdecimal():
            raise InvalidParameter(f"Version `/{segment[:20]}` is not known. {SUPPORTED}", parameter="version")
    if header is None:
        return DEFAULT, "", path
    version = BY_HEADER.get(header.strip())
    if version is None:
        raise unsupported(header, "is not known")
    return version, "", path


def unsupported(header: bytes, what: str) -> InvalidParameter:
    """The problem of a version header that cannot be followed."""
    return InvalidParameter(
        f"X-API-Version `{header[:20].decode('latin-1')}` {what}. {SUPPORTED}", parameter="X-API-Version"
    )
