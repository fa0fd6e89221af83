"""Operations: service methods declared once, with all that both doors must know of them.

Calling one, from whichever door or the worker, checks its access and, for a write, opens (or joins) the transaction. Guards and limits stand
here, never on a path or a transport.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Concatenate, Literal, Self, cast, overload

import msgspec

from ..auth.access import Access
from ..clock import now
from ..db.errors import LostRace
from ..problems import (
    AlreadyExists,
    Conflict,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    NotFound,
    PreconditionFailed,
    Problem,
    Unauthenticated,
    Validation,
)
from ..rate_limit.credential_attempts import CredentialAttempts
from ..resource.resource import Resource, Result
from ..resource.selection import Selection
from ..writes.call_context import CallContext
from ..writes.pending import PendingEvents
from .idempotency.fingerprint import fingerprint
from .idempotency.outcomes import problem_outcome, replay, split_outcome, storing_selection
from .idempotency.records import Claim, claim, is_final

type Attempt = Callable[[Any], str | None]
type Door = Literal["rest", "graphql"]
type Kind = Literal["get", "list", "query", "create", "replace", "update", "delete", "batch", "command"]

TRIES = 4
READING, WRITING, ATTEMPTING = 1, 10, 20
"""Points of a call that names none of its own; an attempt at a credential costs more, because a slow hash stands behind it."""
STATUSES: dict[Kind, int] = {"create": 201, "delete": 204}
READ_KINDS: frozenset[Kind] = frozenset({"get", "list", "query"})


class Operation[O, **P, R]:
    """A declared service method. On the class it is the declaration, on a service it is the guarded call.

    kind: what it does to its resource `of`; an `ask` reads by what stands in its body, an `act` is a change that none of the other words names.
    under: the resource and relation that it lists, where it is a list below a row.    input: the shape of its body.
    public: its answer to callers without a credential may be kept by shared caches.    points: what one call costs besides its rows.
    status: that of its success in HTTP.    keyed: whether a write may be repeated under an idempotency key.
    attempt: it tries a credential; the function gives the account that is tried, from the body. Such a call is counted and always pays in full.
    exclusive_to, reason: the only door that has it, and why.
    """

    kind: Kind
    service: type[O]

    def __init__(
        self, method: Callable[Concatenate[O, P], Awaitable[R]], name: str, kind: Kind, of: Result[Any], *, access: Access,
        problems: tuple[type[Problem], ...], input: type[msgspec.Struct] | None, parent_relation: tuple[Resource[Any], str] | None, public: bool,
        points: int | None = None, status: int | None = None, idempotent: bool = True, attempted_account: Attempt | None = None, exclusive_to: Door | None = None, reason: str = "",
    ) -> None:  # fmt: skip
        if not isinstance(access, Access):  # pyright: ignore[reportUnnecessaryIsInstance]  (who has no checker is told as well)
            raise TypeError(f"the operation {name} has no access; say who may call it, if need be `ANYONE`")
        if exclusive_to is not None and not reason:
            raise ValueError(f"the operation {name} is exclusive to {exclusive_to} without a `reason`")
        self.method, self.name, self.kind, self.result, self.access = method, name, kind, of, access
        self.input, self.parent_relation, self.public = input, parent_relation, public
        self.attempted_account, self.exclusive_to, self.reason = attempted_account, exclusive_to, reason
        self.doc, self.is_write = inspect.cleandoc(method.__doc__ or ""), kind not in READ_KINDS
        usual = ATTEMPTING if attempted_account is not None else WRITING if self.is_write else READING
        self.points, self.status = points if points is not None else usual, status or STATUSES.get(kind, 200)
        self.run: Any = (
            self.run_credential_attempt
            if attempted_account is not None
            else self.run_write
            if self.is_write
            else self.run_read
        )
        # Whether a call may be repeated under a key and has its effect once.
        self.accepts_idempotency_key, self.signature = self.is_write and idempotent, inspect.signature(method)
        repeated: tuple[type[Problem], ...] = (
            (IdempotencyInProgress, IdempotencyKeyReused) if self.accepts_idempotency_key else ()
        )
        refused: tuple[type[Problem], ...] = (Unauthenticated, Forbidden) if access.permission else ()
        versioned: tuple[type[Problem], ...] = (
            (PreconditionFailed, Conflict) if kind in ("replace", "update", "delete") else ()
        )
        self.problems = tuple(
            dict.fromkeys((*problems, *refused, *versioned, *repeated, *((Validation,) if input else ())))
        )

    def is_exposed_at(self, door: Door) -> bool:
        """Return whether a door has this operation."""
        return self.exclusive_to in (None, door)

    @property
    def resource(self) -> Resource[Any]:
        """The resource of an operation on rows: a list, a batch, and whatever else takes an id."""
        assert isinstance(self.result, Resource), f"{self.name} is about no rows"
        return self.result

    @property
    def path_resource(self) -> Resource[Any]:
        """What the id in its path names: the row that it lists below, else a row of its own."""
        return self.parent_relation[0] if self.parent_relation else self.resource

    def __deepcopy__(self, memo: Any) -> Self:
        """There is one declaration, however often a router copies its handlers."""
        return self

    def __set_name__(self, owner: type[O], name: str) -> None:
        self.service = owner

    @overload
    def __get__(self, service: None, owner: type[O]) -> Self: ...
    @overload
    def __get__(self, service: O, owner: type[O]) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, service: O | None, owner: type[O]) -> Self | Callable[P, Awaitable[R]]:
        if service is None:
            return self
        return MethodType(self.run, service)

    def run_read(self, service: Any, *args: Any, **kwargs: Any) -> Awaitable[R]:
        """Checks the access; the method does the rest."""
        self.access.check(service.context.caller)
        return self.method(service, *args, **kwargs)

    async def run_credential_attempt(self, service: Any, *args: Any, **kwargs: Any) -> R:
        """Checks the access, and counts the attempt before anything else is done; once, however often its transaction has to begin again."""
        context: CallContext = service.context
        self.access.check(context.caller)
        context.meter.credential_attempts += 1
        attempts = context.dependencies.get(CredentialAttempts)
        if attempts is not None:
            await attempts.count(self.account_of_call(args, kwargs), context.address, context.caller.id)
        return await (self.run_write if self.is_write else self.run_read)(service, *args, **kwargs)

    def account_of_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """The account that a call tries, from its body; None where it names none."""
        for given in (*args, *kwargs.values()):
            if self.attempted_account is not None and self.input is not None and isinstance(given, self.input):
                return self.attempted_account(given)
        return None

    async def run_write(self, service: Any, *args: Any, **kwargs: Any) -> R:
        """Checks the access and runs the method in the call's transaction. Who opens it commits it, and runs it again where a race was lost."""
        context: CallContext = service.context
        self.access.check(context.caller)
        if context.work.session is not None:
            return await self._within(service, context, args, kwargs)
        context.work.root_operation = self.name
        try:
            if context.idempotency.key is None or not self.accepts_idempotency_key:
                return await self._commit(service, context, args, kwargs)
            return await self._once(service, context, context.idempotency.key, args, kwargs)
        except LostRace:
            raise Conflict.lost_race("Other writes kept coming first; try again.") from None

    async def _commit(
        self, service: Any, context: CallContext, args: Any, kwargs: Any, claimed: Claim | None = None
    ) -> R:
        """The write in its transaction, again where a race was lost; under a claim with its outcome."""
        for _ in range(TRIES):
            try:
                async with context.transaction() as session:
                    made = await self._within(service, context, args, kwargs)
                    if claimed is not None:
                        made, outcome = split_outcome(made, self.result, context)
                        await PendingEvents.for_session(session).write(session, now())
                        await claimed.complete(session, outcome)
                return made
            except LostRace:
                continue
            except AlreadyExists as clash:
                if clash.members.get("field") not in context.work.generated_fields:
                    raise
        raise LostRace

    async def _once(
        self, service: Any, context: CallContext, key: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> R:
        """The write under an idempotency key: its outcome where it has one, else the write, which keeps one."""
        given = self.signature.bind(service, *args, **kwargs).arguments
        want = next(cast(Selection[Any], value) for value in given.values() if isinstance(value, Selection))
        del given[next(iter(given))]
        claimed = await claim(context, self.name, key, fingerprint(given, context.database.reads.secret))
        if isinstance(claimed, str):
            return await replay(claimed, self.result, want, context)
        whole = storing_selection(self.result, want, context.caller.permissions)
        args, kwargs = (
            [whole if a is want else a for a in args],
            {n: whole if v is want else v for n, v in kwargs.items()},
        )
        try:
            return await self._commit(service, context, args, kwargs, claimed)
        except BaseException as fault:
            if isinstance(fault, Problem) and is_final(fault):
                await claimed.complete_separately(problem_outcome(fault))
            else:
                await claimed.release()
            raise

    async def _within(self, service: Any, context: CallContext, args: Any, kwargs: Any) -> R:
        outer, context.work.current_operation = context.work.current_operation, self.name
        try:
            method: Any = self.method
            return await method(service, *args, **kwargs)
        finally:
            context.work.current_operation = outer


def operation[O, **P, R](
    name: str, kind: Kind, of: Result[Any], *, access: Access, problems: tuple[type[Problem], ...] = (),
    input: type[msgspec.Struct] | None = None, parent_relation: tuple[Resource[Any], str] | None = None, public: bool = False,
    points: int | None = None, status: int | None = None, idempotent: bool = True, attempted_account: Attempt | None = None, exclusive_to: Door | None = None, reason: str = "",
) -> Callable[[Callable[Concatenate[O, P], Awaitable[R]]], Operation[O, P, R]]:  # fmt: skip
    """Declares a service method as the operation `name` on a resource. There is none without an access."""
    found: tuple[type[Problem], ...] = (
        (NotFound,)
        if (kind in ("get", "replace", "update", "delete") and isinstance(of, Resource)) or parent_relation
        else ()
    )

    def declare(method: Callable[Concatenate[O, P], Awaitable[R]]) -> Operation[O, P, R]:
        return Operation(
            method, name, kind, of, access=access, problems=(*found, *problems), input=input, parent_relation=parent_relation, public=public, points=points, status=status,
            idempotent=idempotent, attempted_account=attempted_account, exclusive_to=exclusive_to, reason=reason,
        )  # fmt: skip

    return declare
