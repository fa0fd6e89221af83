"""Links of a row: to itself, its relations and the changes that are possible now."""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.row_layout import Actions

PARAMETER = re.compile(r"\{[^}]+\}")


class Endpoint(msgspec.Struct, frozen=True):
    """Method and path of an operation. `{0}`, `{1}` in the path are its parameters."""

    # Not typed as Operation: that is a descriptor, which a type checker would bind to this class.
    operation: Any
    method: str
    path: str

    @classmethod
    def from_template(cls, operation: Operation[Any, ..., Any], method: str, template: str) -> "Endpoint":
        """Return the endpoint of a route's path: `/carts/{key:str}/lines/{variant_id:str}`."""
        numbers = count()
        return cls(operation, method, PARAMETER.sub(lambda match: f"{{{next(numbers)}}}", template))

    @property
    def template(self) -> str:
        """The path with the names of its parameters: `/carts/{key}/lines/{variant_id}`."""
        return self.fill([f"{{{name}}}" for name in self.operation.path_parameters])

    @property
    def parameter_count(self) -> int:
        """The number of parameters in the path."""
        return self.path.count("{")

    @property
    def is_linkable(self) -> bool:
        """Whether a row can link to it: its path has no parameter besides the row's key."""
        return self.parameter_count < 2

    def fill(self, values: Sequence[str]) -> str:
        """Return the path with these values of its parameters."""
        path = self.path
        for number, value in enumerate(values):
            path = path.replace(f"{{{number}}}", value)
        return path


class Links:
    """The links of one API version. `prefix` is `/v1` or `/v2`."""

    def __init__(self, registry: Registry, endpoints: Iterable[Endpoint], prefix: str) -> None:
        self.registry, self.prefix = registry, prefix
        # Sorted like the registry: the order of links is part of a response's bytes and so of its
        # ETag, which must be the same in every process.
        order = list(registry.operations)
        self.endpoints = {e.operation.name: e for e in sorted(endpoints, key=lambda e: order.index(e.operation.name))}

    def href(self, operation: Operation[Any, ..., Any], key: str) -> str:
        """Return the path of an operation on one row."""
        return self.prefix + self.endpoints[operation.name].fill([key])

    def is_linked(self, operation: str) -> bool:
        """Whether rows link to an operation, by its name."""
        return operation in self.endpoints and self.endpoints[operation].is_linkable

    def location(self, result: Result[Any], key: str, permissions: frozenset[str] | None = None) -> str | None:
        """Return the path of a row, or None if its resource has no path.

        With `permissions`, only if it is open to callers with these permissions.
        """
        getter = self.registry.getter(result) if isinstance(result, Resource) else None
        if getter is None or getter.name not in self.endpoints:
            return None
        is_open = permissions is None or getter.access.allows(permissions)
        return self.href(getter, key) if is_open else None

    def collections(self, permissions: frozenset[str] | None = None) -> dict[str, str]:
        """Return the paths of all top-level lists, by name.

        With `permissions`, only those that are open to callers with these permissions.
        """
        lists = [e for e in self.endpoints.values() if e.operation.kind == "list" and not e.parameter_count]
        lists = [e for e in lists if permissions is None or e.operation.access.allows(permissions)]
        return {e.path.removeprefix("/").replace("/", "_"): self.prefix + e.path for e in lists}

    def nested_lists(self, resource: Resource[Any]) -> list[tuple[str, Endpoint]]:
        """Return the to-many relations of a resource that have a path of their own."""
        return [
            (e.operation.parent_relation[1], e)
            for e in self.endpoints.values()
            if e.operation.kind == "list" and e.operation.parent_relation and e.operation.parent_relation[0] is resource
        ]

    def row_renderer(self, actions: Actions) -> Callable[[Any], msgspec.Raw]:
        """Return a function from a row to the JSON of its links.

        Links that every row has are prepared as one format string that takes the row's id. The
        others follow if the row's value at their condition index is true.
        """
        resource: Resource[Any] = actions.resource
        unconditional = [_member("self", href) for href in [self.location(resource, "\0")] if href]
        for name, endpoint in self.nested_lists(resource):
            if resource.access(name).allows(actions.permissions):
                unconditional.append(_member(name, self.prefix + endpoint.fill(["\0"])))
        conditional: list[tuple[str, int, int]] = []  # format string, index of its id, of its condition
        for name, condition_index in actions.names:
            if not self.is_linked(name):
                continue
            endpoint = self.endpoints[name]
            href = self.prefix + endpoint.fill(["\0"])
            member = _member(name.removeprefix(f"{resource.operation_prefix}_"), href, endpoint.method)
            if condition_index is None:
                unconditional.append(member)
            else:
                conditional.append((_format_string(member), actions.id_index, condition_index))
        conditional += self._to_one_links(resource, actions)
        prefix, id_index = _format_string(",".join(unconditional)), actions.id_index
        if not conditional:
            return lambda row: msgspec.Raw(("{" + prefix.format(row[id_index]) + "}").encode())
        # Rows without a path of their own may have conditional links only.
        always = [(prefix, id_index, id_index)] if prefix else []
        links = [*always, *conditional]

        def render(row: Any) -> msgspec.Raw:
            texts = [text.format(row[index]) for text, index, condition in links if row[condition]]
            return msgspec.Raw(("{" + ",".join(texts) + "}").encode())

        return render

    def _to_one_links(self, resource: Resource[Any], actions: Actions) -> list[tuple[str, int, int]]:
        """Return the links to related rows that the caller may follow.

        Each is there if the related row's id is not null.
        """
        links: list[tuple[str, int, int]] = []
        for name, index in actions.to_one_indexes:
            relation = resource.relations[name]
            href = self.location(relation.target, "\0", actions.permissions)
            if href is not None and relation.access.allows(actions.permissions):
                links.append((_format_string(_member(name, href)), index, index))
        return links


def _member(name: str, href: str, method: str | None = None) -> str:
    link = {"href": href} | ({"method": method} if method else {})
    return f'"{name}":{msgspec.json.encode(link).decode()}'


def _format_string(text: str) -> str:
    """Return the text as a format string with the id in place of NUL."""
    return text.replace("{", "{{").replace("}", "}}").replace("\\u0000", "{0}").replace("\0", "{0}")
