"""Pages: what is neither REST nor GraphQL and speaks of both: entry, documentation, problems, health. No page loads anything from another host."""

from collections.abc import Callable, Mapping

from litestar.handlers import HTTPRouteHandler
from litestar.types import Scope

from .assets import asset_routes, load
from .docs import docs_routes
from .health import Check, health_routes
from .index import Collections, entry_routes
from .jwks import PublicKeys, jwks_routes
from .problems import problem_routes


def pages(
    *,
    checks: Mapping[str, Check],
    introspects: Callable[[Scope], bool],
    ops_loopback: bool = True,
    collections: Collections = lambda *_: {},
    public_keys: PublicKeys = lambda: None,
) -> list[HTTPRouteHandler]:
    """All routes of the pages, for `Litestar(route_handlers=[...])`.

    `checks` is what readiness stands on, by name. `introspects` says whether this request may see the documentation (the setting
    INTROSPECTION, or a known caller). `ops_loopback` opens the details of readiness to loopback. `collections` are REST's lists, by version
    and by the caller's permissions. `public_keys` is the JWK set of access tokens, or None.
    """
    assets = load()
    stylesheet = assets["pages.css"].href
    return [
        *entry_routes(stylesheet, introspects, collections),
        *docs_routes(assets, introspects),
        *asset_routes(assets),
        *problem_routes(stylesheet),
        *health_routes(checks, ops_loopback),
        *jwks_routes(public_keys),
    ]
