"""The registry of the resources and operations of all areas, frozen before anything is compiled.

The API documents, the access table, the links and the parity tests are generated from it.
"""

from collections.abc import Iterable
from functools import cached_property
from types import ModuleType
from typing import Any, cast

from ..db.base import DefaultBase
from ..query.source_tables import resource_tables
from ..resource.resource import Resource, Result
from ..resource.transitions import Transitions
from ..resource.value_columns import check_columns
from .operation import Operation
from .service import Service


class Registry:
    """Resources by name and by the type number in their ids, results and operations by name.

    results: the results without a table.
    """

    def __init__(self) -> None:
        self.resources: dict[str, Resource[Any]] = {}
        self.results: dict[str, Result[Any]] = {}
        self.resources_by_number: dict[int, Resource[Any]] = {}
        self.operations: dict[str, Operation[Any, ..., Any]] = {}

    @classmethod
    def collect(cls, modules: Iterable[ModuleType]) -> "Registry":
        """Return the frozen registry of the areas' `resource` and `service` modules."""
        registry = cls()
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, Resource):
                    registry.add_resource(cast(Resource[Any], value))
                elif isinstance(value, Result):
                    registry.add_result(cast(Result[Any], value))
                elif (
                    isinstance(value, type)
                    and issubclass(value, Service)
                    and value.__module__.startswith(module.__name__)
                ):
                    registry.add_service(value)
        return registry.freeze()

    def add_resource(self, resource: Resource[Any]) -> None:
        """Add a resource, or raise ValueError if its name or type number is taken."""
        name, number = resource.name, resource.type_number
        same_name = self.resources.setdefault(name, resource)
        if same_name is not resource or self.resources_by_number.setdefault(number, resource) is not resource:
            raise ValueError(f"two resources are called {name} or have the number {number}")

    def add_result(self, result: Result[Any]) -> None:
        """Add a result, or raise ValueError if its name is taken."""
        if result.name in self.resources or self.results.setdefault(result.name, result) is not result:
            raise ValueError(f"two results are called {result.name}")

    def add_service(self, service: type[Service]) -> None:
        """Add the operations of a service, or raise ValueError if a name is taken."""
        for value in vars(service).values():
            if isinstance(value, Operation):
                operation = cast(Operation[Any, ..., Any], value)
                if self.operations.setdefault(operation.name, operation) is not operation:
                    raise ValueError(f"two operations are called {operation.name}")

    def freeze(self) -> "Registry":
        """Forbid further relations: plans and documents may be compiled from now on."""
        for resource in self.resources.values():
            check_columns(resource)
            resource.frozen = True
        return self

    def getter(self, resource: Resource[Any]) -> Operation[Any, ..., Any] | None:
        """Return the operation that reads one row. `node(id:)` calls it, with its access rule."""
        return next(
            (
                o
                for o in self.operations.values()
                if o.kind == "get" and o.result is resource and "key" in o.signature.parameters
            ),
            None,
        )

    @cached_property
    def public_write_permissions(self) -> frozenset[str]:
        """The permissions of the writes to what public operations read.

        Those are the writes to their resources, and all writes of areas whose tables these
        resources read, such as the stock in a variant's availability.
        """
        public = {o.result.name: o.result for o in self.operations.values() if o.public}
        tables = [resource_tables(r) for r in public.values() if isinstance(r, Resource)]
        packages = _packages_of(frozenset[str]().union(*tables))
        writes = [
            o
            for o in self.operations.values()
            if o.is_write and (o.result.name in public or o.service.__module__.startswith(packages))
        ]
        return frozenset([o.access.permission for o in writes if o.access.permission is not None])

    @property
    def state_machines(self) -> dict[str, Transitions]:
        """The state machines by the name of their resource."""
        return {r.name: r.transitions for r in self.resources.values() if r.transitions is not None}

    @property
    def node_resources(self) -> list[Resource[Any]]:
        """The resources that `node(id:)` can read."""
        return [r for r in self.resources.values() if self.getter(r) is not None]


def _packages_of(tables: frozenset[str]) -> tuple[str, ...]:
    """Return the packages that define these tables, each with a dot after it."""
    models = [m.class_ for m in DefaultBase.registry.mappers if getattr(m.local_table, "name", None) in tables]
    return tuple(sorted({f"{model.__module__.rpartition('.')[0]}." for model in models}))
