"""Patches: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396), both as functions from a document to the changed one."""

import copy
from typing import Any, cast

import jsonpatch
import jsonpointer
import msgspec

from ..problems import Fault, PatchTargetMissing, PatchTestFailed, Validation
from .validation import escape_pointer

MOST_STEPS, MOST_BYTES = 100, 1024 * 1024
type Document = dict[str, Any]


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """One operation of a JSON Patch. Members that RFC 6902 does not name for the operation are ignored, as it says."""

    op: str
    path: str
    from_: str | None = None
    value: Any = msgspec.UNSET


class JsonPatch(msgspec.Struct, frozen=True):
    """A JSON Patch: its operations, applied in order, all or none."""

    steps: tuple[Step, ...]

    def apply(self, document: Document) -> Any:
        """The changed document; 409 where a `test` fails, 422 where a pointer leads nowhere."""
        changed: Any = copy.deepcopy(document)
        try:
            for i, step in enumerate(self.steps):
                changed = _applied(changed, step, i)
                # Some copies of copies would fill the memory.
                if step.op == "copy" and len(msgspec.json.encode(changed)) > MOST_BYTES:
                    raise Validation.at_pointer(
                        f"/{i}", f"The changed document would be larger than {MOST_BYTES} bytes.", "too_large"
                    )
        except RecursionError:
            raise Validation.at_pointer("", "The changed document would be nested too deeply.", "too_deep") from None
        return changed


class MergePatch(msgspec.Struct, frozen=True):
    """A JSON Merge Patch: members to set, null to remove."""

    members: Document

    def apply(self, document: Document) -> Any:
        """The changed document."""
        return apply_merge_patch(document, self.members)


type Patch = JsonPatch | MergePatch


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, 2, to the letter."""
    if not isinstance(patch, dict):
        return patch
    out: Document = dict(cast(Document, target)) if isinstance(target, dict) else {}
    for name, value in cast(Document, patch).items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = apply_merge_patch(out.get(name), value)
    return out


def parse_json_patch(given: Any) -> JsonPatch:
    """A JSON Patch document read; 422 with all its faults."""
    if not isinstance(given, list):
        raise Validation.at_pointer("", "A JSON Patch is a list of operations.", "invalid_type")
    steps = cast(list[Any], given)
    if len(steps) > MOST_STEPS:
        raise Validation.at_pointer(
            "", f"The patch has {len(steps)} operations; at most {MOST_STEPS} are allowed.", "too_many"
        )
    faults = [f for i, step in enumerate(steps) for f in _faults(step, f"/{i}")]
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)
    return JsonPatch(tuple([msgspec.convert(s, Step) for s in steps]))


NEEDS = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from", "remove": None}


def _faults(step: Any, at: str) -> list[Fault]:
    """What is wrong with one operation (RFC 6902, 4)."""
    if not isinstance(step, dict):
        return [Fault(code="invalid_type", detail="An operation is an object.", pointer=at)]
    said = cast(Document, step)
    op = said.get("op")
    if not isinstance(op, str) or op not in NEEDS:
        return [Fault(code="not_allowed", detail=f"`op` is one of {', '.join(NEEDS)}.", pointer=f"{at}/op")]
    faults: list[Fault] = []
    for name in ("path", "from") if NEEDS[op] == "from" else ("path",):
        value = said.get(name)
        if not isinstance(value, str) or (value and not value.startswith("/")) or _bad_escape(value):
            faults.append(
                Fault(
                    code="invalid_pointer",
                    detail=f"`{name}` is a JSON pointer such as `/name`.",
                    pointer=f"{at}/{name}",
                )
            )
    if NEEDS[op] == "value" and "value" not in said:
        faults.append(Fault(code="required", detail=f"`{op}` needs a `value`.", pointer=f"{at}/value"))
    return faults


def _bad_escape(pointer: str) -> bool:
    return any(tail[:1] not in ("0", "1") for tail in pointer.split("~")[1:])


def _applied(document: Any, step: Step, index: int) -> Any:
    made = msgspec.to_builtins(step)
    try:
        return jsonpatch.JsonPatch([made]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise PatchTestFailed(
            f"`{step.path}` has another value.",
            errors=[Fault(code="test_failed", detail="Another value stands there.", pointer=f"/{index}")],
        ) from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        at = step.from_ if step.op in ("move", "copy") and step.from_ else step.path
        raise PatchTargetMissing(
            f"`{at}` leads nowhere.",
            errors=[Fault(code="missing", detail="Nothing stands there.", pointer=f"/{index}")],
        ) from None


def check_names(patch: Patch, known: frozenset[str]) -> None:
    """Refuses a merge patch that removes what there never is: a mistyped name would pass unseen."""
    if isinstance(patch, MergePatch) and (
        unknown := [n for n, v in patch.members.items() if v is None and n not in known]
    ):
        faults = [
            Fault(code="unknown_member", detail=f"`{n}` is not a member here.", pointer=f"/{escape_pointer(n)}")
            for n in unknown
        ]
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def check_read_only(before: Document, changed: Any, writable: frozenset[str]) -> Document:
    """The writable members of the changed document; 422 where it is no object, or another member was changed or removed."""
    if not isinstance(changed, dict):
        raise Validation.at_pointer("", "The changed document is no object.", "invalid_type")
    after = cast(Document, changed)
    faults = [
        Fault(code="read_only", detail=f"`{n}` cannot be changed here.", pointer=f"/{escape_pointer(n)}")
        for n, value in before.items()
        if n not in writable and after.get(n, msgspec.UNSET) != value
    ]
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)
    return {n: v for n, v in after.items() if n not in before or n in writable}
