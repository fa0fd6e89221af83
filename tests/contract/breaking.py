"""What of a released OpenAPI document would break those who rely on it: whatever they may send or read is still there, and of the same type."""

from collections.abc import Iterable, Iterator
from typing import Any

from .reading import Json, operations, parameters, resolved

PLACE = "#/components/schemas/"
EVERYTHING = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


class Comparison:
    """A released document and the present one."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new

    def breaks(self) -> Iterator[str]:
        """Each break as one line that begins with the operation's name."""
        present = {o["operationId"]: (path, method, o) for path, method, o in operations(self.new)}
        for path, method, old in operations(self.old):
            name = old["operationId"]
            if name not in present:
                yield f"{name}: the operation is gone"
                continue
            new_path, new_method, new = present[name]
            if (path, method) != (new_path, new_method):
                yield f"{name}: `{method.upper()} {path}` has become `{new_method.upper()} {new_path}`"
            for said in dict.fromkeys([*self.asked(old, new), *self.sent(old, new), *self.answered(old, new)]):
                yield f"{name}: {said}"

    def asked(self, old: Json, new: Json) -> Iterator[str]:
        """Parameters."""
        before = {(p["in"], p["name"]): p for p in parameters(self.old, old)}
        after = {(p["in"], p["name"]): p for p in parameters(self.new, new)}
        for key, known in before.items():
            if key not in after:
                yield f"the parameter `{key[1]}` is gone"
            else:
                yield from self.schema(known["schema"], after[key]["schema"], f"`{key[1]}`", sent=True)
        for key, said in after.items():
            if said.get("required") and not before.get(key, {}).get("required"):
                yield f"the parameter `{key[1]}` has become required"

    def sent(self, old: Json, new: Json) -> Iterator[str]:
        """Bodies."""
        before, after = old.get("requestBody", {}).get("content", {}), new.get("requestBody", {}).get("content", {})
        if after and not before:
            yield "a body has become required"
        for media, known in before.items():
            if media not in after:
                yield f"a body in `{media}` is no longer read"
            else:
                yield from self.schema(known["schema"], after[media]["schema"], "the body", sent=True)

    def answered(self, old: Json, new: Json) -> Iterator[str]:
        """Successes; problems may come and go."""
        for status, response in old["responses"].items():
            if not status.startswith("2"):
                continue
            if status not in new["responses"]:
                yield f"the status {status} is gone"
                continue
            before, after = (
                resolved(d, r).get("content", {})
                for d, r in ((self.old, response), (self.new, new["responses"][status]))
            )
            for media, known in before.items():
                if media not in after:
                    yield f"an answer in `{media}` is no longer written"
                else:
                    yield from self.schema(known["schema"], after[media]["schema"], "the answer", sent=False)

    def schema(
        self, old: Json, new: Json, at: str, *, sent: bool, seen: frozenset[tuple[str, str]] = frozenset()
    ) -> Iterator[str]:
        """Schemas: what was sent may still be sent, what was read can still be read."""
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if pair[0] and pair[1]:
            if pair in seen:
                return
            seen |= {pair}
        old, new = resolved(self.old, old), resolved(self.new, new)
        before, after = self.kinds(self.old, old), self.kinds(self.new, new)
        if not (before <= after if sent else after <= before):
            yield f"{at} was {_listed(before)} and is {_listed(after)}"
            return
        if gone := _gone(old.get("enum"), new.get("enum")):
            yield f"{at} no longer knows {_listed(gone)}"
        if sent and (needed := set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{at} now needs {_listed(needed)}"
        for name, held in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{at} no longer has `{name}`"
            else:
                yield from self.schema(held, new["properties"][name], f"`{name}` of {at}", sent=sent, seen=seen)
        if "items" in old and "items" in new:
            yield from self.schema(old["items"], new["items"], at, sent=sent, seen=seen)
        for several in ("anyOf", "oneOf"):
            for one, other in zip(old.get(several, ()), new.get(several, ()), strict=False):
                yield from self.schema(one, other, at, sent=sent, seen=seen)

    def kinds(self, document: Json, schema: Json) -> frozenset[str]:
        """The types that a value may have."""
        schema = resolved(document, schema)
        if "type" in schema:
            return frozenset({schema["type"]})
        parts: list[Any] = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        return frozenset(kind for part in parts for kind in self.kinds(document, part)) if parts else EVERYTHING


def _gone(old: Iterable[str] | None, new: Iterable[str] | None) -> set[str]:
    return set(old or ()) - set(new) if new is not None else set()


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in sorted(words))
