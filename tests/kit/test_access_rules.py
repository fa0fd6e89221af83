"""Every operation has an access rule, which is checked however the operation is called."""

from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import or_, select

from tests.parity.query_strategies import REGISTRY
from tradepost.areas.catalog.models import TagRow
from tradepost.areas.catalog.policy import edit
from tradepost.areas.catalog.resource import tags
from tradepost.doors.graphql import mutation, query
from tradepost.doors.graphql.schema.access import permission_class
from tradepost.doors.rest.access import access_guards
from tradepost.doors.rest.route import OperationRoute
from tradepost.kit.auth.access import ANYONE, Viewer, permission
from tradepost.kit.auth.caller import ANONYMOUS, Caller
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Forbidden, Unauthenticated
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.writes.call_context import CallContext

CUSTOMER = Caller(id="01890a5d-ac96-774b-bcce-b302099a800a", role="customer")


async def method(self: Any) -> Any:
    """A method that must never run."""
    raise AssertionError


def test_an_operation_without_an_access_cannot_be_declared() -> None:
    declared: Any = operation
    with pytest.raises(TypeError, match="access"):
        declared("tag_lose", "delete", tags)
    for invalid in (None, "catalog:write", True, frozenset({"catalog:write"})):
        with pytest.raises(TypeError, match="tag_lose has no access"):
            declared("tag_lose", "delete", tags, access=invalid)(method)


def test_a_door_accepts_only_operations() -> None:
    """A plain method of a service has no access, so neither door can be built on it."""
    declared: Any = (lambda m: OperationRoute("POST", "/", m), query, mutation)
    for door in declared:
        with pytest.raises(AttributeError):
            door(method)


def test_a_method_that_is_not_an_operation_is_not_in_the_registry() -> None:
    service: Any = type("Strays", (Service,), {"__module__": "strays", "lose": method})
    module = ModuleType("strays")
    module.Strays = service  # type: ignore[attr-defined]
    assert Registry.collect([module]).operations == {}


@pytest.mark.parametrize("kind", ["get", "delete"])
async def test_a_refused_call_does_not_run_its_method(kind: Any) -> None:
    guarded = operation("tag_lose", kind, tags, access=edit)(method)
    for caller, problem in ((ANONYMOUS, Unauthenticated), (CUSTOMER, Forbidden)):
        service: Any = Service(CallContext(caller, None))  # type: ignore[arg-type]
        with pytest.raises(problem, match="catalog:write"):
            await guarded.__get__(service, Service)()


def test_one_access_object_guards_the_route_the_field_and_the_method() -> None:
    for access in [declared.access for declared in REGISTRY.operations.values()]:
        guards = access_guards(access)
        assert bool(guards) == (access.permission is not None)
        if guards:
            assert guards[0].__closure__[0].cell_contents is access  # type: ignore[union-attr]
            assert permission_class(access) is permission_class(permission(access.permission or ""))
    assert access_guards(ANYONE) == []


def test_an_operation_accepts_a_cart_token_if_rows_are_visible_by_it() -> None:
    def resource(name: str, visible: Any) -> Resource[Any]:
        return Resource(tags.shape, TagRow, name=name, visible=visible)

    below_cart = select(TagRow.id).where(TagRow.id == Viewer(frozenset(), False).cart).exists()
    carts, orders = (
        resource("ByCart", lambda v: TagRow.id == v.cart),
        resource("ByOrder", lambda v: TagRow.id == v.order),
    )
    lines = resource("BelowCart", lambda v: or_(TagRow.id == v.id, below_cart))
    own = resource("OfUser", lambda v: TagRow.id == v.id)
    for target, is_accepted in ((carts, True), (orders, True), (lines, True), (own, False), (tags, False)):
        assert operation("tag_lose", "delete", target, access=ANYONE)(method).accepts_cart_token == is_accepted
    quote = operation("cart_price", "get", Result(tags.shape, name="Quote"), access=ANYONE, path_resource=carts)(method)
    assert quote.accepts_cart_token
    assert operation("lines", "list", own, access=ANYONE, parent_relation=(carts, "lines"))(method).accepts_cart_token
