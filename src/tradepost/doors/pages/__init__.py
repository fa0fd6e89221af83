"""HTML pages and operational endpoints: start page, documentation, problems, health, metrics.

No page loads anything from another host.
"""

from collections.abc import Callable, Mapping

from litestar.handlers import HTTPRouteHandler
from litestar.types import Scope

from tradepost.kit.resource.transitions import Transitions
from tradepost.kit.writes.event_types import EventTypes

from .assets import asset_routes, load_assets
from .docs import docs_routes
from .event_types import event_type_routes
from .guides import guide_routes
from .health import Check, health_routes
from .index import Collections, index_routes
from .jwks import PublicKeys, jwks_routes
from .problems import problem_routes
from .statuses import status_routes


def page_routes(
    *,
    checks: Mapping[str, Check],
    may_introspect: Callable[[Scope], bool],
    ops_loopback: bool,
    collections: Collections,
    public_keys: PublicKeys,
    event_types: EventTypes,
    state_machines: Mapping[str, Transitions],
) -> list[HTTPRouteHandler]:
    """Return the routes of all pages, for `Litestar(route_handlers=[...])`.

    checks: the readiness checks by name.
    may_introspect: whether a request may see the documentation (the setting INTROSPECTION, or an
        authenticated caller).
    ops_loopback: whether requests from this machine see the details of readiness.
    collections: REST's collections, by version and the caller's permissions.
    public_keys: the JWK set of access tokens, or None.
    event_types: the event types of all areas.
    state_machines: the state machines by the name of their resource.
    """
    assets = load_assets()
    stylesheet = assets["pages.css"].href
    return [
        *index_routes(stylesheet, may_introspect, collections),
        *docs_routes(assets, may_introspect),
        *event_type_routes(event_types, stylesheet, may_introspect),
        *guide_routes(stylesheet),
        *asset_routes(assets),
        *problem_routes(stylesheet),
        *status_routes(stylesheet, state_machines, may_introspect),
        *health_routes(checks, ops_loopback),
        *jwks_routes(public_keys),
    ]
