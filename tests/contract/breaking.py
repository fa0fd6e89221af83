"""Find the changes of an OpenAPI document that break clients of the released one.

Everything that a client may send or read must still exist, with the same type.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from .openapi_document import Json, operations, parameters, references, resolve_reference

ALL_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


class Comparison:
    """The released document and the current one."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new
        self.unchanged = _unchanged(old["components"]["schemas"], new["components"]["schemas"])

    def breaks(self) -> Iterator[str]:
        """Yield each breaking change as one line that begins with the operation's name."""
        current = {o["operationId"]: (path, method, o) for path, method, o in operations(self.new)}
        for path, method, old in operations(self.old):
            name = old["operationId"]
            if name not in current:
                yield f"{name}: the operation is gone"
                continue
            new_path, new_method, new = current[name]
            if (path, method) != (new_path, new_method):
                yield f"{name}: `{method.upper()} {path}` has become `{new_method.upper()} {new_path}`"
            for change in dict.fromkeys(
                [*self.parameters(old, new), *self.bodies(old, new), *self.responses(old, new)]
            ):
                yield f"{name}: {change}"

    def parameters(self, old: Json, new: Json) -> Iterator[str]:
        """Yield the breaking changes of the parameters."""
        before = {(p["in"], p["name"]): p for p in parameters(self.old, old)}
        after = {(p["in"], p["name"]): p for p in parameters(self.new, new)}
        for key, parameter in before.items():
            if key not in after:
                yield f"the parameter `{key[1]}` is gone"
            else:
                yield from self.schema(parameter["schema"], after[key]["schema"], f"`{key[1]}`", sent=True)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"the parameter `{key[1]}` has become required"

    def bodies(self, old: Json, new: Json) -> Iterator[str]:
        """Yield the breaking changes of the request body."""
        before, after = old.get("requestBody", {}).get("content", {}), new.get("requestBody", {}).get("content", {})
        if after and not before:
            yield "a body has become required"
        for media, content in before.items():
            if media not in after:
                yield f"a body in `{media}` is no longer accepted"
            else:
                yield from self.schema(content["schema"], after[media]["schema"], "the body", sent=True)

    def responses(self, old: Json, new: Json) -> Iterator[str]:
        """Yield the breaking changes of the successful responses. Problems may change."""
        for status, response in old["responses"].items():
            if not status.startswith("2"):
                continue
            if status not in new["responses"]:
                yield f"the status {status} is gone"
                continue
            before, after = (
                resolve_reference(d, r).get("content", {})
                for d, r in ((self.old, response), (self.new, new["responses"][status]))
            )
            for media, content in before.items():
                if media not in after:
                    yield f"a response in `{media}` is no longer sent"
                else:
                    yield from self.schema(content["schema"], after[media]["schema"], "the response", sent=False)

    def schema(
        self, old: Json, new: Json, place: str, *, sent: bool, seen: frozenset[tuple[str, str]] = frozenset()
    ) -> Iterator[str]:
        """Yield the breaking changes of a schema.

        place: the name of the value in messages
        sent: whether clients send it; otherwise they read it
        """
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if pair[0] == pair[1] and pair[0] in self.unchanged:
            return
        if pair[0] and pair[1]:
            if pair in seen:
                return
            seen |= {pair}
        old, new = resolve_reference(self.old, old), resolve_reference(self.new, new)
        before, after = self.kinds(self.old, old), self.kinds(self.new, new)
        if not (before <= after if sent else after <= before):
            yield f"{place} was {_listed(before)} and is {_listed(after)}"
            return
        if "anyOf" in new and "anyOf" not in old:
            # It may also be null now; what else it may be is compared.
            parts = [part for part in new["anyOf"] if part.get("type") != "null"]
            new = resolve_reference(self.new, parts[0]) if len(parts) == 1 else new
        if gone := _gone(old.get("enum"), new.get("enum")):
            yield f"{place} no longer accepts {_listed(gone)}"
        if sent and (required := set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{place} now requires {_listed(required)}"
        for name, member in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{place} no longer has `{name}`"
            else:
                yield from self.schema(member, new["properties"][name], f"`{name}` of {place}", sent=sent, seen=seen)
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], place, sent=sent, seen=seen)
        for keyword in ("anyOf", "oneOf"):
            for old_part, new_part in zip(old.get(keyword, ()), new.get(keyword, ()), strict=False):
                yield from self.schema(old_part, new_part, place, sent=sent, seen=seen)

    def kinds(self, document: Json, schema: Json) -> frozenset[str]:
        """Return the JSON types that a value may have."""
        schema = resolve_reference(document, schema)
        if "type" in schema:
            return frozenset({schema["type"]})
        parts: list[Any] = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return frozenset(kind for part in parts for kind in self.kinds(document, part)) if parts else ALL_TYPES


def _unchanged(old: Json, new: Json) -> set[str]:
    """Return the references to schemas that are the same, and refer only to such schemas."""
    targets = {f"#/components/schemas/{name}": {*references(schema)} for name, schema in old.items()}
    same = {f"#/components/schemas/{name}" for name, schema in old.items() if new.get(name) == schema}
    while leading := {reference for reference in same if not targets[reference] <= same}:
        same -= leading
    return same


def _gone(old: Iterable[str] | None, new: Iterable[str] | None) -> set[str]:
    return set(old or ()) - set(new) if new is not None else set()


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))
