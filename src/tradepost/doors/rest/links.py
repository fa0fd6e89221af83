"""Links: where a row's own page, its relations and the changes open on it are. Made from the routes that the registry's operations have."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.row_layout import Actions


class Endpoint(msgspec.Struct, frozen=True):
    """Where an operation is: its method, and its path with `{0}` for the one parameter that it may have."""

    # Its type is a descriptor, which a checker would bind to this class.
    operation: Any
    method: str
    path: str


class Links:
    """The hrefs of one version (`/v1`)."""

    def __init__(self, registry: Registry, routes: Iterable[Endpoint], prefix: str) -> None:
        self.registry, self.prefix = registry, prefix
        # In the order of the registry: links are bytes of an answer, and every process has to make the same.
        order = list(registry.operations)
        self.endpoints = {r.operation.name: r for r in sorted(routes, key=lambda r: order.index(r.operation.name))}

    def href(self, operation: Operation[Any, ..., Any], key: str) -> str:
        """The path of an operation on one row."""
        return self.prefix + self.endpoints[operation.name].path.replace("{0}", key)

    def location(self, of: Result[Any], key: str) -> str | None:
        """The path of a row, where it has one."""
        getter = self.registry.getter(of) if isinstance(of, Resource) else None
        return self.href(getter, key) if getter is not None and getter.name in self.endpoints else None

    def collections(self, permissions: frozenset[str] | None = None) -> dict[str, str]:
        """The lists that begin at no row, by the last word of their path; only those that are open to holders of these permissions, where some are given."""
        found = [r for r in self.endpoints.values() if r.operation.kind == "list" and "{0}" not in r.path]
        found = [r for r in found if permissions is None or r.operation.access.allows(permissions)]
        return {r.path.removeprefix("/").replace("/", "_"): self.prefix + r.path for r in found}

    def row_renderer(self, node: Actions) -> Callable[[Any], msgspec.Raw]:
        """The function that writes a row's links: one text with the id in it, and what depends on the row behind it."""
        of: Resource[Any] = node.resource
        always = [_member("self", href) for href in [self.location(of, "\0")] if href]
        always += [_member(name, href) for name, href in self._relations(of)]
        depends: list[tuple[str, int, int]] = []
        for name, at in node.names:
            route = self.endpoints.get(name)
            if route is None:
                continue
            member = _member(_short(of, name), self.prefix + route.path.replace("{0}", "\0"), route.method)
            if at is None:
                always.append(member)
            else:
                depends.append((_format(member), node.id_index, at))
        depends += self._ones(of, node)
        text, id = _format(",".join(always)), node.id_index
        if not depends:
            return lambda row: msgspec.Raw(("{" + text.format(row[id]) + "}").encode())

        def make(row: Any) -> msgspec.Raw:
            more = [said.format(row[at]) for said, at, condition in depends if row[condition]]
            return msgspec.Raw(("{" + ",".join([text.format(row[id]), *more]) + "}").encode())

        return make

    def _relations(self, of: Resource[Any]) -> list[tuple[str, str]]:
        """The to-many relations that are lists with a path of their own."""
        found = [
            (r.operation.parent_relation[1], r.path)
            for r in self.endpoints.values()
            if r.operation.kind == "list" and r.operation.parent_relation and r.operation.parent_relation[0] is of
        ]
        return [(name, self.prefix + path.replace("{0}", "\0")) for name, path in found]

    def _ones(self, of: Resource[Any], node: Actions) -> list[tuple[str, int, int]]:
        found: list[tuple[str, int, int]] = []
        for name, at in node.to_one_indexes:
            href = self.location(of.relations[name].target, "\0")
            if href is not None:
                found.append((_format(_member(name, href)), at, at))
        return found


def _member(name: str, href: str, method: str | None = None) -> str:
    said = {"href": href} | ({"method": method} if method else {})
    return f'"{name}":{msgspec.json.encode(said).decode()}'


def _format(text: str) -> str:
    """The text as a format string; the id stands where the NUL was."""
    return text.replace("{", "{{").replace("}", "}}").replace("\\u0000", "{0}").replace("\0", "{0}")


def _short(of: Resource[Any], operation: str) -> str:
    """`product_update` is `update` on a product."""
    return operation.removeprefix(f"{of.operation_prefix}_")
