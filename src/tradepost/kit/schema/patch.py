"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396), applied to a decoded document."""

import copy
from typing import Any, cast

import jsonpatch
import jsonpointer
import msgspec

from ..problems import Fault, PatchTargetMissing, PatchTestFailed, Validation
from ..quoting import quote
from .validation import escape_pointer, unknown_member

MAX_STEPS, MAX_BYTES = 100, 1024 * 1024
type Document = dict[str, Any]


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """One operation of a JSON Patch. Members that the operation does not use are ignored."""

    op: str
    path: str
    from_: str | None = None
    value: Any = msgspec.UNSET


class JsonPatch(msgspec.Struct, frozen=True):
    """A JSON Patch: operations that are applied in order, all or none."""

    steps: tuple[Step, ...]

    def apply(self, document: Document) -> Any:
        """Return the changed document.

        Raise 409 if a `test` fails, 422 if a pointer does not exist.
        """
        changed: Any = copy.deepcopy(document)
        try:
            for i, step in enumerate(self.steps):
                changed = _apply_step(changed, step, i)
                # Copies of copies grow exponentially.
                if step.op == "copy" and len(msgspec.json.encode(changed)) > MAX_BYTES:
                    detail = f"The changed document would be larger than {MAX_BYTES} bytes."
                    raise Validation.at_pointer(f"/{i}", detail, "too_large")
        except RecursionError:
            raise Validation.at_pointer("", "The changed document would be nested too deeply.", "too_deep") from None
        return changed


class MergePatch(msgspec.Struct, frozen=True):
    """A JSON Merge Patch: members to set, or to remove with null."""

    members: Document

    def apply(self, document: Document) -> Any:
        """Return the changed document."""
        return apply_merge_patch(document, self.members)


type Patch = JsonPatch | MergePatch


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """Return the patched target: the algorithm of RFC 7396, 2."""
    if not isinstance(patch, dict):
        return patch
    result: Document = dict(cast(Document, target)) if isinstance(target, dict) else {}
    for name, value in cast(Document, patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_merge_patch(result.get(name), value)
    return result


def parse_json_patch(value: Any) -> JsonPatch:
    """Convert a decoded JSON Patch document. Raise 422 with all its faults."""
    if not isinstance(value, list):
        raise Validation.at_pointer("", "A JSON Patch is a list of operations.", "invalid_type")
    steps = cast(list[Any], value)
    if len(steps) > MAX_STEPS:
        detail = f"The patch has {len(steps)} operations; at most {MAX_STEPS} are allowed."
        raise Validation.at_pointer("", detail, "too_many")
    faults = [fault for i, step in enumerate(steps) for fault in _step_faults(step, f"/{i}")]
    if faults:
        raise _validation(faults)
    return JsonPatch(tuple([_step(step) for step in steps]))


OPERATIONS = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from", "remove": None}
"""Operation -> the member it requires in addition to `op` and `path`."""


def _step_faults(step: Any, pointer: str) -> list[Fault]:
    """Return what is wrong with one operation (RFC 6902, 4)."""
    if not isinstance(step, dict):
        return [Fault(code="invalid_type", detail="An operation must be an object.", pointer=pointer)]
    members = cast(Document, step)
    op = members.get("op")
    if not isinstance(op, str) or op not in OPERATIONS:
        detail = f"`op` must be one of {', '.join(OPERATIONS)}."
        return [Fault(code="not_allowed", detail=detail, pointer=f"{pointer}/op")]
    faults: list[Fault] = []
    for name in ("path", "from") if OPERATIONS[op] == "from" else ("path",):
        value = members.get(name)
        if not isinstance(value, str) or (value and not value.startswith("/")) or _has_bad_escape(value):
            detail = f"`{name}` must be a JSON pointer such as `/name`."
            faults.append(Fault(code="invalid_pointer", detail=detail, pointer=f"{pointer}/{name}"))
    if OPERATIONS[op] == "value" and "value" not in members:
        faults.append(Fault(code="required", detail=f"`{op}` requires a `value`.", pointer=f"{pointer}/value"))
    return faults


def _step(members: Document) -> Step:
    """Return a valid operation with the members that it uses."""
    op: str = members["op"]
    match OPERATIONS[op]:
        case "value":
            return Step(op=op, path=members["path"], value=members["value"])
        case "from":
            return Step(op=op, path=members["path"], from_=members["from"])
        case _:
            return Step(op=op, path=members["path"])


def _has_bad_escape(pointer: str) -> bool:
    return any(tail[:1] not in ("0", "1") for tail in pointer.split("~")[1:])


def _apply_step(document: Any, step: Step, index: int) -> Any:
    operation = msgspec.to_builtins(step)
    try:
        return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        detail = f"{quote(step.path)} has another value."
        raise PatchTestFailed(detail, errors=[Fault(code="test_failed", detail=detail, pointer=f"/{index}")]) from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        pointer = step.from_ if step.op in ("move", "copy") and step.from_ else step.path
        detail = f"{quote(pointer)} does not exist."
        raise PatchTargetMissing(detail, errors=[Fault(code="missing", detail=detail, pointer=f"/{index}")]) from None


def _validation(faults: list[Fault]) -> Validation:
    return Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def check_names(patch: Patch, known: frozenset[str]) -> None:
    """Refuse a merge patch that removes unknown members.

    Removing a misspelled name would otherwise do nothing, without an error.
    """
    if isinstance(patch, MergePatch) and (
        unknown := [name for name, value in patch.members.items() if value is None and name not in known]
    ):
        raise _validation([unknown_member(name, "", {n: n for n in known}) for name in unknown])


def sets_member(patch: Patch, name: str) -> bool:
    """Return whether a patch contains a value for a member, even if it is the one it has."""
    if isinstance(patch, MergePatch):
        return name in patch.members
    return any(step.path == f"/{name}" and step.op not in ("test", "remove") for step in patch.steps)


def check_read_only(before: Document, changed: Any, writable: frozenset[str]) -> Document:
    """Return the writable members of the changed document.

    Raise 422 if it is not an object, or if another member was changed or removed.
    """
    if not isinstance(changed, dict):
        raise Validation.at_pointer("", "The changed document is not an object.", "invalid_type")
    after = cast(Document, changed)
    faults = [
        Fault(code="read_only", detail=f"`{name}` cannot be changed here.", pointer=f"/{escape_pointer(name)}")
        for name, value in before.items()
        if name not in writable and after.get(name, msgspec.UNSET) != value
    ]
    if faults:
        raise _validation(faults)
    return {name: value for name, value in after.items() if name not in before or name in writable}
