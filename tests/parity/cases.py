"""The cases of all areas, loaded by name, and what is looked up in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tests.parity.access.table import Row, Rule
from tests.parity.case import AreaCase, Body, EntityCase, Fault, ReadCase, ResultCase, WriteCase
from tests.parity.harness import Json
from tradepost.app import AREAS, load_modules
from tradepost.kit.operations.operation import Operation
from tradepost.kit.operations.registry import Registry

REGISTRY = Registry.collect(load_modules("resource", "service"))
"""The declarations that the app collects. Tests are parametrized by them before there is an app."""


def area_of(declaration: Any) -> str:
    """Return the area of an operation's service."""
    return declaration.service.__module__.split(".")[2]


def load_cases() -> dict[str, AreaCase]:
    """Return the CASE of each area that has one. `test_cases.py` reports areas without."""
    return {area: import_module(f"tests.areas.{area}.case").CASE for area in AREAS if has_case(area)}


def has_case(area: str) -> bool:
    """Return whether `tests/areas/<area>/case.py` (or the package `case`) exists."""
    try:
        return find_spec(f"tests.areas.{area}.case") is not None
    except ModuleNotFoundError:
        return False


CASES = load_cases()
ENTITIES: dict[str, EntityCase] = {entity.name: entity for case in CASES.values() for entity in case.entities}
for _addition in [addition for case in CASES.values() for addition in case.additions]:
    ENTITIES[_addition.name] = _addition.add_to(ENTITIES[_addition.name])
RESULTS: dict[str, ResultCase] = ENTITIES | {result.name: result for case in CASES.values() for result in case.results}
READS: dict[str, ReadCase] = {read.operation: read for result in RESULTS.values() for read in result.reads}
WRITES: dict[str, WriteCase] = {write.operation: write for result in RESULTS.values() for write in result.writes}
ACCESS: dict[str, Rule] = {name: case.access for name, case in (READS | WRITES).items()}
MEMBERS: dict[str, Row] = {
    f"{entity.name}.{member}": row for entity in ENTITIES.values() for member, row in entity.members.items()
}
DRAWN = frozenset({entity.name for entity in ENTITIES.values() if entity.oracle is not None})
"""The resources that questions are drawn about."""


@dataclass(frozen=True)
class WriteInput:
    """One valid input of a write: a body or a JSON Patch, or neither if the write has no input."""

    write: WriteCase
    number: int
    body: Body | None = None
    json_patch: list[Json] | None = None

    @property
    def operation(self) -> Operation[Any, ..., Any]:
        return REGISTRY.operations[self.write.operation]

    @property
    def batch_statuses(self) -> Sequence[int]:
        """The statuses of the items of the body, if the write is a batch."""
        return self.write.batch_statuses[self.number]

    def __str__(self) -> str:
        return f"{self.write.operation}-{self.number}"


def write_inputs(write: WriteCase) -> list[WriteInput]:
    """Return all valid inputs of a write; the first is enough for most tests."""
    bodies = [WriteInput(write, n, body) for n, body in enumerate(write.bodies or [None])]
    patches = [WriteInput(write, n, None, patch) for n, patch in enumerate(write.json_patches, len(bodies))]
    return bodies + patches


TWO_DOOR_WRITES = [write for name, write in WRITES.items() if not REGISTRY.operations[name].exclusive_to]
INPUTS = [i for write in TWO_DOOR_WRITES for i in write_inputs(write) if i.operation.kind != "batch"]
"""All valid inputs of all writes that both doors have. Batches have tests of their own."""
FIRST_INPUTS: Mapping[str, WriteInput] = {write.operation: write_inputs(write)[0] for write in WRITES.values()}
FAULTS: list[tuple[WriteCase, Fault]] = [(write, fault) for write in TWO_DOOR_WRITES for fault in write.faults]


def answer_fields(operation: str) -> str:
    """Return the fields that answers of an operation are compared by, as REST writes them."""
    return RESULTS[REGISTRY.operations[operation].result.name].answer


def one_field(operation: str) -> str:
    """Return one field of an operation's answer, for tests that only look whether it succeeded."""
    result = REGISTRY.operations[operation].result.name
    return "id" if result in ENTITIES else RESULTS[result].answer.partition(",")[0]
