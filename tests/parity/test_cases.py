"""Every resource and operation has its case. A failure says what to add, and where."""

import pytest

from tests.parity.access.table import Place
from tests.parity.cases import (
    CASES,
    DRAWN,
    ENTITIES,
    MEMBERS,
    READS,
    REGISTRY,
    RESULTS,
    WRITES,
    area_of,
    has_case,
    write_inputs,
)
from tests.parity.sample_rows import SampleRows
from tradepost.app import AREAS
from tradepost.kit.resource.resource import Resource

OPERATIONS = REGISTRY.operations
TWO_DOORS = [name for name, operation in OPERATIONS.items() if not operation.exclusive_to]


def place_of_case(operation: str | None) -> str:
    """Return the file in which an operation's case belongs."""
    area = area_of(OPERATIONS[operation]) if operation is not None else "AREA"
    return f"tests/areas/{area}/case.py (or the package case/)"


def operation_of(result: str) -> str | None:
    """Return an operation with this result. Rows that only a relation returns have none."""
    return next((name for name, operation in OPERATIONS.items() if operation.result.name == result), None)


@pytest.mark.parametrize("area", [area for area in AREAS if any(area_of(o) == area for o in OPERATIONS.values())])
def test_an_area_with_operations_has_a_case(area: str) -> None:
    assert has_case(area), (
        f"create tests/areas/{area}/case.py with `CASE = AreaCase(entities=(EntityCase(...),))`: one EntityCase"
        " for each resource, as in tests/areas/catalog/case/categories.py"
    )
    assert area in CASES


@pytest.mark.parametrize("result", sorted({o.result.name for o in OPERATIONS.values()} | set(REGISTRY.resources)))
def test_a_result_has_a_case(result: str) -> None:
    kind = "EntityCase" if result in REGISTRY.resources else "ResultCase"
    assert result in (ENTITIES if kind == "EntityCase" else RESULTS), (
        f'add {kind}(name="{result}", ...) to CASE in {place_of_case(operation_of(result))}'
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_a_case(operation: str) -> None:
    declaration = OPERATIONS[operation]
    kind, part = ("WriteCase", "writes") if declaration.is_write else ("ReadCase", "reads")
    assert operation in (WRITES if declaration.is_write else READS), (
        f'add {kind}("{operation}", <who may call it>, ...) to `{part}=` of the case of {declaration.result.name}'
        f" in {place_of_case(operation)}"
    )


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_with_an_input_has_a_valid_and_an_invalid_body(operation: str) -> None:
    write, declaration = WRITES[operation], OPERATIONS[operation]
    where = f"of {operation} in {place_of_case(operation)}"
    assert bool(write.bodies) == bool(declaration.input), f"`bodies=` {where}: give one if it has an input"
    if declaration.input and not declaration.exclusive_to:
        assert bool(write.faults) != bool(write.no_fault), f"give `faults=`, or the reason in `no_fault=`, {where}"
    assert len(write.batch_statuses) == (len(write.bodies) if declaration.kind == "batch" else 0), (
        f"give the statuses of the items of each of its bodies in `batch_statuses=` {where}, if it is a batch"
    )
    assert not write.json_patches or declaration.kind == "update", f"`json_patches=` {where} is only for an update"
    assert len(write_inputs(write)) >= 1


@pytest.mark.parametrize("operation", READS)
def test_a_read_says_how_many_statements_it_takes(operation: str) -> None:
    where = f"of {operation} in {place_of_case(operation)}"
    assert READS[operation].statements, f"give the SQL statements by selected fields {where}"


@pytest.mark.parametrize("resource", ENTITIES)
def test_a_resource_is_in_the_oracle_or_says_why_not(resource: str) -> None:
    entity = ENTITIES[resource]
    where = f'of EntityCase(name="{resource}") in {place_of_case(operation_of(resource))}'
    assert (resource in DRAWN) != bool(entity.not_drawn), f"give `oracle=`, or the reason in `not_drawn=`, {where}"
    if resource in DRAWN:
        assert entity.oracle is not None
        lists = {
            n for n, o in OPERATIONS.items() if o.kind == "list" and o.result.name == resource and o.parent_relation
        }
        assert set(entity.oracle.parents) == lists, f"give each list below a row in `parents=` of `oracle=` {where}"
        has_search = "q" in REGISTRY.resources[resource].filters
        assert (entity.oracle.search_text is not None) == has_search, f"give `search_text=` of `oracle=` {where}"


@pytest.mark.parametrize("resource", ENTITIES)
def test_the_sample_of_a_resource_has_keys_and_values_of_all_filters(sample_rows: SampleRows, resource: str) -> None:
    sample, filters = sample_rows.samples[resource], set(REGISTRY.resources[resource].filters)
    where = f'in the Sample of EntityCase(name="{resource}") in {place_of_case(operation_of(resource))}'
    assert sample.keys, f"give `keys=` {where}"
    if resource in DRAWN:
        assert set(sample.filter_values) == filters, f"give `filter_values=` for all filters {where}"
        assert all(sample.filter_values.values()), f"a filter has no values {where}"


def test_each_read_of_rows_has_a_place_for_a_shown_row(sample_rows: SampleRows) -> None:
    reads = {n: o for n, o in OPERATIONS.items() if not o.is_write}
    of_rows = {n for n, o in reads.items() if isinstance(o.result, Resource)}
    below_rows = {n for n, o in reads.items() if o.path_parameters}
    missing = sorted((of_rows | below_rows) - set(sample_rows.places))
    assert missing == [], "give the row in `shown=` of the Sample of the EntityCase of its result or of its path"
    assert all(isinstance(shown, Place) for shown, _ in sample_rows.places.values())
    assert [n for n, (shown, _) in sample_rows.places.items() if n in of_rows and not shown.seeks] == []
    assert [n for n, (shown, _) in sample_rows.places.items() if n in below_rows and not shown.key] == []


def test_each_member_and_relation_with_an_access_rule_has_its_row() -> None:
    names = {
        f"{resource.name}.{name}"
        for resource in REGISTRY.resources.values()
        for name in (*resource.members, *resource.relations)
        if resource.access(name).permission
    }
    assert set(MEMBERS) == names, "say in `members=` of the EntityCase who may read it"


def test_no_case_is_about_a_name_that_is_not_registered() -> None:
    assert set(READS) - {n for n, o in OPERATIONS.items() if not o.is_write} == set()
    assert set(WRITES) - {n for n, o in OPERATIONS.items() if o.is_write} == set()
    assert set(ENTITIES) - set(REGISTRY.resources) == set()
    assert set(RESULTS) - set(ENTITIES) - set(REGISTRY.results) == set()
    assert len(READS) + len(WRITES) == sum(len(r.reads) + len(r.writes) for r in RESULTS.values()), "one case each"
