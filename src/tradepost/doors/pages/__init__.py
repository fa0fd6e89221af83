"""Pages: what is neither REST nor GraphQL and speaks of both: entry, documentation, problems, health. No page loads anything from another host."""

from collections.abc import Callable, Mapping

from litestar.handlers import HTTPRouteHandler
from litestar.types import Scope

from .assets import asset_routes, load_assets
from .docs import docs_routes
from .health import Check, health_routes
from .index import Collections, index_routes
from .jwks import PublicKeys, jwks_routes
from .problems import problem_routes


def page_routes(
    *,
    checks: Mapping[str, Check],
    may_introspect: Callable[[Scope], bool],
    ops_loopback: bool = True,
    collections: Collections = lambda *_: {},
    public_keys: PublicKeys = lambda: None,
) -> list[HTTPRouteHandler]:
    """All routes of the pages, for `Litestar(route_handlers=[...])`.

    `checks` is what readiness stands on, by name. `introspects` says whether this request may see the documentation (the setting
    INTROSPECTION, or a known caller). `ops_loopback` opens the details of readiness to loopback. `collections` are REST's lists, by version
    and by the caller's permissions. `public_keys` is the JWK set of access tokens, or None.
    """
    assets = load_assets()
    stylesheet = assets["pages.css"].href
    return [
        *index_routes(stylesheet, may_introspect, collections),
        *docs_routes(assets, may_introspect),
        *asset_routes(assets),
        *problem_routes(stylesheet),
        *health_routes(checks, ops_loopback),
        *jwks_routes(public_keys),
    ]
