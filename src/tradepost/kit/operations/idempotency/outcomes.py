"""Outcomes: what is stored of a call with an idempotency key, and how it becomes an answer again.

Stored is the problem, or for every row its whole default record as its caller may read it, in the
spelling of no door. One SELECT reads both the selected and the stored members. A replay, through
any door and in any selection, takes scalars from the stored record and reads relations again, so
it also works if the row was deleted. Secrets in an outcome (the text of a new API key) are stored
encrypted.
"""

from collections.abc import Callable, Sequence
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
    """A problem as it was returned."""

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
    """The outcome of a call: a record, the items of a batch, or a problem.

    existing: whether the record was returned by a create, but existed before.
    """

    record: StoredRecord | None = None
    existing: bool = False
    items: list[StoredItem] | None = None
    problem: StoredProblem | None = None


def storing_selection(result: Result[Any], selection: Selection[Any], permissions: frozenset[str]) -> Selection[Any]:
    """Return the selection plus the default record; its records' bodies are `DualBody`.

    The record has no relations: a replay reads them again.
    """
    field_set: FieldSet = selection.field_set
    key = ("storing", permissions)
    storing: FieldSet | None = field_set.memo.get(key)
    if storing is None:
        default_fields = default_selection(result, permissions, with_relations=False).field_set.fields
        storing = field_set.memoize(key, _storing_field_set(field_set, default_fields))
    return Selection(storing, selection.list_queries)


def _storing_field_set(field_set: FieldSet, default_fields: tuple[Field, ...]) -> FieldSet:
    fields = list(field_set.fields)
    for field in default_fields:
        if field not in fields:
            fields.append(field)
    rendering: Rendering = field_set.rendering or Rendering()
    if rendering.members is None:
        names = [f.alias or (rendering.actions_key if f.name == ACTIONS else f.name) for f in field_set.fields]
        members = tuple([FieldMember(name, i) for i, name in enumerate(names)])
        rendering = msgspec.structs.replace(rendering, members=members)
    stored_members = tuple([FieldMember(f.name, fields.index(f)) for f in default_fields])
    stored = FieldSet(tuple(fields), Rendering(members=stored_members, actions=_actions_renderer))
    return FieldSet(tuple(fields), rendering, secondary=stored)


def _actions_renderer(node: Actions) -> Callable[[Any], Any]:
    """Render a row's open actions and the ids of its to-one relations, to make links from."""
    return lambda row: {
        "open": [n for n, i in node.names if i is None or row[i]],
        "ones": {n: row[i] for n, i in node.to_one_indexes},
    }


def split_outcome(answer: Any, result: Result[Any], context: CallContext) -> tuple[Any, str]:
    """Split what an operation returned into the answer for its door and the outcome to store."""
    if isinstance(answer, Batch):
        items = cast(Batch[Any], answer).items
        response: Any = Batch([msgspec.structs.replace(i, record=i.record and _response(i.record)) for i in items])
        return response, _encode(Outcome(items=[_stored_item(i) for i in items]))
    stored = _stored(answer)
    if result.secret_members:
        encrypt = context.dependencies.require(Cipher).encrypt
        stored = msgspec.structs.replace(
            stored, members=_map_secrets(stored.members, result, lambda value: encrypt(_secret_text(value)))
        )
    return _response(answer), _encode(Outcome(record=stored, existing=context.work.returns_existing))


def _map_secrets(members: Any, result: Result[Any], transform: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the members of a record with its secrets encrypted, or decrypted again."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(members))
    secrets = result.secret_members
    return {n: transform(v) if n in secrets and v is not None else v for n, v in plain.items()}


def _secret_text(value: Any) -> str:
    """Return a secret as text. One that is an object, such as a payment's next action, is JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _secret_value(text: str) -> Any:
    """Return the secret of a text. Tokens and keys never begin like a JSON object."""
    return msgspec.json.decode(text) if text.startswith("{") else text


def problem_outcome(problem: Problem) -> str:
    """Return the outcome of a call that raised a problem."""
    return _encode(Outcome(problem=_stored_problem(problem)))


async def replay(text: str, result: Result[Any], selection: Selection[Any], context: CallContext) -> Any:
    """Return or raise a stored outcome in this call's selection; mark the call as a replay."""
    outcome = msgspec.json.decode(text, type=Outcome)
    if outcome.problem is not None:
        context.idempotency.is_replay = True
        raise _restore_problem(outcome.problem)
    context.work.returns_existing = outcome.existing
    if outcome.record is not None:
        stored = [outcome.record]
    else:
        stored = [i.record for i in outcome.items or () if i.record is not None]
    if result.secret_members:
        decrypt = context.dependencies.require(Cipher).decrypt
        stored = [
            msgspec.structs.replace(
                s, members=_map_secrets(s.members, result, lambda value: _secret_value(decrypt(value)))
            )
            for s in stored
        ]
    if not isinstance(result, Resource):
        context.idempotency.is_replay = True
        return value_record(result, msgspec.convert(stored[0].members, result.shape), selection)
    reads, scope = context.database.reads, _with_secret(context, result, stored)
    records = await reads.replay(context.reader, result, selection, stored, scope) if stored else []
    context.idempotency.is_replay = True
    if outcome.items is None:
        return records[0]
    remaining = iter(records)
    return Batch(
        [
            Item(i.status, i.record and next(remaining), i.problem and _restore_problem(i.problem), i.changed)
            for i in outcome.items
        ]
    )


def _with_secret(context: CallContext, result: Resource[Any], stored: Sequence[StoredRecord]) -> CallContext:
    """Return the context of a caller that has sent the secret in an outcome."""
    if result.bearer_identity is None or len(stored) != 1:
        return context
    [record] = stored
    if not any([record.members[name] for name in result.secret_members]):
        return context
    return msgspec.structs.replace(
        context, caller=msgspec.structs.replace(context.caller, **{result.bearer_identity: record.id})
    )


def _encode(outcome: Outcome) -> str:
    return msgspec.json.encode(outcome).decode()


def _stored(record: Record[Any]) -> StoredRecord:
    body: DualBody = record.body
    return StoredRecord(record.id, body.stored, record.version)


def _stored_item(item: Item[Any]) -> StoredItem:
    record, problem = item.record, item.problem
    return StoredItem(item.status, record and _stored(record), problem and _stored_problem(problem), item.changed)


def _response(record: Record[Any]) -> Record[Any]:
    body: DualBody = record.body
    return Record(body.response, record.version, record.id, record.row_count)


def _stored_problem(problem: Problem) -> StoredProblem:
    return StoredProblem(problem.code, problem.detail, problem.errors, problem.members)


def _restore_problem(stored: StoredProblem) -> Problem:
    """Return a stored problem; a Conflict if this release no longer has its class."""
    kind = next((k for k in all_problems() if k.code == stored.code), Conflict)
    problem = kind.__new__(kind)
    Problem.__init__(problem, stored.detail, errors=stored.errors, **stored.members)
    return problem
