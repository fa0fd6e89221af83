"""Outcomes: what is kept of a call under its idempotency key, and how that becomes an answer again, at any door and in any selection.

Kept is either the problem, or of every row its whole default record, as its caller might read it, in no door's spelling. One SELECT brings
both what was asked and what is kept. A replay takes the scalars from what was kept and reads the relations anew, so a row that is gone is
answered too. A secret in an outcome (the text of a new API key) is kept sealed.
"""

from collections.abc import Callable
from typing import Any, cast

import msgspec

from ...crypto import Cipher
from ...problems import Conflict, Fault, Problem, all_problems
from ...query.records import Batch, DualBody, Item, Record, StoredRecord
from ...query.value_records import value_record
from ...resource.rendering import FieldMember, Rendering
from ...resource.resource import ACTIONS, Resource, Result
from ...resource.row_layout import Actions
from ...resource.selection import Field, FieldSet, Selection, default_selection
from ...writes.call_context import CallContext


class StoredProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem as it was answered."""

    code: str
    detail: str
    errors: list[Fault] = []
    members: dict[str, Any] = {}


class StoredItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of one item of a batch."""

    status: int
    record: StoredRecord | None = None
    problem: StoredProblem | None = None
    changed: bool = True


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the three."""

    record: StoredRecord | None = None
    items: list[StoredItem] | None = None
    problem: StoredProblem | None = None


def storing_selection(of: Result[Any], want: Selection[Any], permissions: frozenset[str]) -> Selection[Any]:
    """The selection that reads what was asked and the whole default record besides; the bodies of its records are `Both`."""
    form: FieldSet = want.field_set
    name = ("keeping", permissions)
    made: FieldSet = form.memo.get(name) or form.memoize(
        name, _keeping(form, default_selection(of, permissions).field_set.fields)
    )
    return Selection(made, want.list_queries)


def _keeping(form: FieldSet, all: tuple[Field, ...]) -> FieldSet:
    fields = list(form.fields)
    places = [fields.index(f) if f in fields else fields.append(f) or len(fields) - 1 for f in all]
    rendering: Rendering = form.rendering or Rendering()
    if rendering.members is None:
        shown = tuple(
            [
                FieldMember(f.alias or (rendering.actions_key if f.name == ACTIONS else f.name), i)
                for i, f in enumerate(form.fields)
            ]
        )
        rendering = msgspec.structs.replace(rendering, members=shown)
    whole = Rendering(
        members=tuple([FieldMember(f.name, i) for f, i in zip(all, places, strict=True)]), actions=_actions
    )
    return FieldSet(tuple(fields), rendering, secondary=FieldSet(tuple(fields), whole))


def _actions(node: Actions) -> Callable[[Any], Any]:
    """What is open on a row, and the ids of its to-one relations: what links are made of."""
    return lambda row: {
        "open": [n for n, at in node.names if at is None or row[at]],
        "ones": {n: row[at] for n, at in node.to_one_indexes},
    }


def split_outcome(made: Any, of: Result[Any], context: CallContext) -> tuple[Any, str]:
    """What an operation returned, as its door wants it, and the outcome to keep."""
    if isinstance(made, Batch):
        items = cast(Batch[Any], made).items
        outcome = Outcome(
            items=[
                StoredItem(i.status, i.record and _whole(i.record), i.problem and _said(i.problem), i.changed)
                for i in items
            ]
        )
        shown: Any = Batch([msgspec.structs.replace(i, record=i.record and _shown(i.record)) for i in items])
    else:
        whole = _whole(made)
        if of.secret_members:
            whole = msgspec.structs.replace(
                whole, members=_sealed(whole.members, of, context.dependencies.require(Cipher).encrypt)
            )
        outcome, shown = Outcome(record=whole), _shown(made)
    return shown, _text(outcome)


def _sealed(members: Any, of: Result[Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The members of a record with its secrets sealed, or opened again."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(members))
    return {n: change(v) if n in of.secret_members and v is not None else v for n, v in plain.items()}


def problem_outcome(problem: Problem) -> str:
    """The outcome of a call that was refused."""
    return _text(Outcome(problem=_said(problem)))


async def replay(outcome: str, of: Result[Any], want: Selection[Any], context: CallContext) -> Any:
    """What an operation returned or raised, from its kept outcome, in the selection of this call. The context is told that it is a replay."""
    found = msgspec.json.decode(outcome, type=Outcome)
    if found.problem is not None:
        context.idempotency.is_replay = True
        raise _problem(found.problem)
    rows = [found.record] if found.record is not None else [i.record for i in found.items or () if i.record is not None]
    if of.secret_members:
        rows = [
            msgspec.structs.replace(row, members=_sealed(row.members, of, context.dependencies.require(Cipher).decrypt))
            for row in rows
        ]
    if not isinstance(of, Resource):
        context.idempotency.is_replay = True
        return value_record(of, msgspec.convert(rows[0].members, of.shape), want)
    records = await context.database.reads.replay(context.reader, of, want, rows, context) if rows else []
    context.idempotency.is_replay = True
    if found.items is None:
        return records[0]
    each = iter(records)
    return Batch(
        [Item(i.status, i.record and next(each), i.problem and _problem(i.problem), i.changed) for i in found.items]
    )


def _text(outcome: Outcome) -> str:
    return msgspec.json.encode(outcome).decode()


def _whole(record: Record[Any]) -> StoredRecord:
    body: DualBody = record.body
    return StoredRecord(record.id, body.stored, record.version)


def _shown(record: Record[Any]) -> Record[Any]:
    body: DualBody = record.body
    return Record(body.response, record.version, record.id, record.row_count)


def _said(problem: Problem) -> StoredProblem:
    return StoredProblem(problem.code, problem.detail, problem.errors, problem.members)


def _problem(said: StoredProblem) -> Problem:
    """A kept problem. Its class may have gone with an older release; what it said is a conflict then."""
    kind = next((k for k in all_problems() if k.code == said.code), Conflict)
    problem = kind.__new__(kind)
    Problem.__init__(problem, said.detail, errors=said.errors, **said.members)
    return problem
