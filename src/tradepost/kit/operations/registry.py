"""The registry: every resource and operation of the loaded rooms, frozen before anything is compiled from them.

The documents, the access table, the links and the parity test are read from it.
"""

from collections.abc import Iterable
from types import ModuleType
from typing import Any, cast

from ..resource.resource import Resource, Result
from .operation import Operation
from .service import Service


class Registry:
    """Resources by name and by the number in their ids, operations by name."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource[Any]] = {}
        # The shapes that operations answer with and no table stands behind.
        self.results: dict[str, Result[Any]] = {}
        self.resources_by_number: dict[int, Resource[Any]] = {}
        self.operations: dict[str, Operation[Any, ..., Any]] = {}

    @classmethod
    def collect(cls, modules: Iterable[ModuleType]) -> "Registry":
        """What the `resource` and `service` modules of the rooms declare."""
        made = cls()
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, Resource):
                    made.add_resource(cast(Resource[Any], value))
                elif isinstance(value, Result):
                    made.add_result(cast(Result[Any], value))
                elif (
                    isinstance(value, type)
                    and issubclass(value, Service)
                    and value.__module__.startswith(module.__name__)
                ):
                    made.add_service(value)
        return made.freeze()

    def add_resource(self, of: Resource[Any]) -> None:
        """Adds a resource; a name or number that another one has is refused."""
        if (
            self.resources.setdefault(of.name, of) is not of
            or self.resources_by_number.setdefault(of.type_number, of) is not of
        ):
            raise ValueError(f"two resources are called {of.name} or have the number {of.type_number}")

    def add_result(self, of: Result[Any]) -> None:
        """Adds a result; a name that a resource or another result has is refused."""
        if of.name in self.resources or self.results.setdefault(of.name, of) is not of:
            raise ValueError(f"two results are called {of.name}")

    def add_service(self, service: type[Service]) -> None:
        """Adds the operations of a service."""
        for value in vars(service).values():
            if isinstance(value, Operation):
                found = cast(Operation[Any, ..., Any], value)
                if self.operations.setdefault(found.name, found) is not found:
                    raise ValueError(f"two operations are called {found.name}")

    def freeze(self) -> "Registry":
        """After this no room can add a relation, because plans and documents may have been made."""
        for of in self.resources.values():
            of.frozen = True
        return self

    def getter(self, of: Resource[Any]) -> Operation[Any, ..., Any] | None:
        """The operation that reads one row of a resource: `node(id:)` calls it, so it cannot skip its access."""
        return next(
            (
                o
                for o in self.operations.values()
                if o.kind == "get" and o.result is of and "key" in o.signature.parameters
            ),
            None,
        )

    @property
    def node_resources(self) -> list[Resource[Any]]:
        """The resources that `node(id:)` finds."""
        return [r for r in self.resources.values() if self.getter(r) is not None]
