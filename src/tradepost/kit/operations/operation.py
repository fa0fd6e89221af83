"""Operation: a service method declared once, with everything that both doors need to know of it.

A call, from either door or the worker, checks the access rule and, for a write, opens or joins the
transaction. Guards and limits belong here, never to a path or a transport.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Concatenate, Literal, Self, cast, overload

import msgspec

from ..auth.access import Access, depends_on_cart
from ..db.errors import LostRace
from ..problems import (
    Conflict,
    Forbidden,
    IdempotencyInProgress,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    IdempotencyKeyTooShort,
    NotFound,
    PreconditionFailed,
    Problem,
    Unauthenticated,
    Validation,
)
from ..rate_limit.credential_attempts import Attempt, CredentialAttempts
from ..resource.resource import Resource, Result
from ..resource.selection import Selection
from ..writes.call_context import CallContext
from .idempotency.fingerprint import fingerprint
from .idempotency.key import check_key
from .idempotency.outcomes import problem_outcome, replay, storing_selection
from .idempotency.records import Claim, claim, is_final
from .manual_transactions import ManualTransactions, check_nesting
from .transactions import completion, run_transaction

type AttemptedAccount = Callable[[Any], str | None]
type Door = Literal["rest", "graphql"]
type TransactionMode = Literal["automatic", "manual"]
type Kind = Literal["get", "list", "query", "create", "replace", "update", "delete", "batch", "command"]

READ_POINTS, WRITE_POINTS, ATTEMPT_POINTS = 1, 10, 20
"""The default points of a call. A credential attempt costs more, because it runs a slow hash."""
STATUSES: dict[Kind, int] = {"create": 201, "delete": 204}
READ_KINDS: frozenset[Kind] = frozenset({"get", "list", "query"})


class Operation[O, **P, R]:
    """A declared service method: on the class the declaration, on an instance the guarded call.

    kind: what it does. A `query` is a read with a body; a `command` is any other write.
    result: what it returns.
    parent_relation: for a list, or a create, below another resource's row: that resource and the
        name of the relation.
    path_resource: the resource that the parameter `key` refers to: the parent of a list, else that
        of the result, unless the declaration names another one.
    path_ids: the resources that further ids in its path refer to, by parameter, in order.
    input: the type of its body.
    takes_version: whether it takes the version that its row must have, as the argument `expected`.
    public: shared caches may store its answer to callers without a credential.
    points: the cost of one call, without its rows.
    status: the HTTP status of success.
    may_return_existing: whether a create may return a row that exists already. The service then
        sets `work.returns_existing`, and the status is 200.
    idempotent: whether a write may be repeated with an idempotency key.
    requires_idempotency_key: whether it must have one. The command line and the worker need none.
    transaction: `automatic` runs the whole method of a write in one transaction. With `manual` the
        method opens its transactions itself (`Service.in_transaction`), to call a payment provider
        between them, say.
    attempted_account: for operations that check a password, the function that returns the account
        from the body; None stands for the caller's own.
    checks_token: whether it checks a token, which nobody can guess. Calls that check a password or
        a token are always charged in full, and those that fail are counted.
    exclusive_to, reason: the only door that exposes it, and why.
    """

    kind: Kind
    service: type[O]

    def __init__(
        self,
        method: Callable[Concatenate[O, P], Awaitable[R]],
        name: str,
        kind: Kind,
        result: Result[Any],
        *,
        access: Access,
        problems: tuple[type[Problem], ...],
        input: type[msgspec.Struct] | None,
        parent_relation: tuple[Resource[Any], str] | None,
        public: bool,
        path_resource: Resource[Any] | None = None,
        path_ids: Mapping[str, Resource[Any]] | None = None,
        points: int | None = None,
        status: int | None = None,
        may_return_existing: bool = False,
        idempotent: bool = True,
        requires_idempotency_key: bool = False,
        transaction: TransactionMode = "automatic",
        attempted_account: AttemptedAccount | None = None,
        checks_token: bool = False,
        exclusive_to: Door | None = None,
        reason: str = "",
    ) -> None:
        # Callers without a type checker need this check.
        if not isinstance(access, Access):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the operation {name} has no access rule; pass `access=`, if need be `ANYONE`")
        if exclusive_to is not None and not reason:
            raise ValueError(f"the operation {name} is exclusive to {exclusive_to} without a `reason`")
        self.method, self.name, self.kind, self.result, self.access = method, name, kind, result, access
        self.input, self.parent_relation, self.public = input, parent_relation, public
        self.attempted_account, self.checks_token = attempted_account, checks_token
        self.is_credential_attempt = checks_token or attempted_account is not None
        self.exclusive_to, self.reason = exclusive_to, reason
        self.doc, self.signature = inspect.cleandoc(method.__doc__ or ""), inspect.signature(method)
        self.takes_version = "expected" in self.signature.parameters
        self._path_resource, self.path_ids = path_resource, dict(path_ids or {})
        self._check_path_parameters()
        self.is_write, self.transaction = kind not in READ_KINDS, transaction
        if transaction == "manual" and not self.is_write:
            raise TypeError(f"the operation {name} is a read, which has no transactions of its own")
        self.accepts_idempotency_key = self.is_write and idempotent
        self.requires_idempotency_key = self.accepts_idempotency_key and requires_idempotency_key
        self.needs_long_keys = bool(self.accepts_idempotency_key and result.secret_members and not access.permission)
        self.run: Any = self.run_write if self.is_write else self.run_read
        default_points = WRITE_POINTS if self.is_write else READ_POINTS
        if self.is_credential_attempt:
            self.run, default_points = self.run_credential_attempt, ATTEMPT_POINTS
        self.points = points if points is not None else default_points
        self.status, self.may_return_existing = status or STATUSES.get(kind, 200), may_return_existing
        self.problems = tuple(dict.fromkeys((*problems, *self._common_problems())))

    def _check_path_parameters(self) -> None:
        """Raise TypeError unless the method has `key` and the further ids, in the path's order."""
        expected = ["key", *self.path_ids]
        if self.path_ids and list(self.signature.parameters)[1 : len(expected) + 1] != expected:
            raise TypeError(f"the first parameters of {self.name} must be {', '.join(expected)}")

    def _common_problems(self) -> list[type[Problem]]:
        """Return the problems that follow from the declaration."""
        problems: list[type[Problem]] = []
        if self.access.permission:
            problems += [Unauthenticated, Forbidden]
        if self.takes_version:
            problems += [PreconditionFailed, Conflict]
        if self.accepts_idempotency_key:
            problems += [IdempotencyInProgress, IdempotencyKeyReused]
        if self.requires_idempotency_key:
            problems.append(IdempotencyKeyMissing)
        if self.needs_long_keys:
            problems.append(IdempotencyKeyTooShort)
        if self.input:
            problems.append(Validation)
        return problems

    def is_exposed_at(self, door: Door) -> bool:
        """Return whether a door has this operation."""
        return self.exclusive_to in (None, door)

    @property
    def resource(self) -> Resource[Any]:
        """The resource of an operation on rows."""
        assert isinstance(self.result, Resource), f"{self.name} is not an operation on rows"
        return self.result

    @property
    def accepts_cart_token(self) -> bool:
        """Whether the rows that it is about may be visible by the token of a cart or an order."""
        parent = self.parent_relation[0] if self.parent_relation else None
        resources = (self.result, self._path_resource, parent)
        return any(isinstance(r, Resource) and depends_on_cart(r.visible) for r in resources)

    @property
    def list_member(self) -> str:
        """The member of a batch's input that lists its items."""
        assert self.input is not None, f"{self.name} is not a batch"
        return self.input.__struct_fields__[0]

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The parameters in its path: `key` if it is about a row, then those of `path_ids`."""
        return ("key", *self.path_ids) if "key" in self.signature.parameters else ()

    @property
    def path_resource(self) -> Resource[Any]:
        """The resource that the parameter `key` refers to."""
        if self._path_resource is not None:
            return self._path_resource
        return self.parent_relation[0] if self.parent_relation else self.resource

    def parse_path_ids(self, values: dict[str, str]) -> dict[str, str]:
        """Return the parameters of a path in canonical form if it has further ids.

        Raise NotFound for the first one that cannot be the key of a row.
        """
        if not self.path_ids:
            return values
        self.path_resource.parse_key(values["key"])
        ids = {name: resource.parse_id(values[name]) for name, resource in self.path_ids.items()}
        return {**values, **ids}

    def __deepcopy__(self, memo: Any) -> Self:
        """Return the same declaration: routers copy their handlers."""
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
        """Check the access rule and call the method."""
        self.access.check(service.context.caller)
        return self.method(service, *args, **kwargs)

    async def run_credential_attempt(self, service: Any, *args: Any, **kwargs: Any) -> R:
        """Check the access rule and count the attempt before running the method.

        It is counted once, however often the transaction is retried, and given back if the call
        succeeds.
        """
        context: CallContext = service.context
        self.access.check(context.caller)
        context.meter.credential_attempts += 1
        attempts = context.dependencies.get(CredentialAttempts)
        attempt = await self._begin_attempt(attempts, context, args, kwargs) if attempts is not None else None
        answer: R = await (self.run_write if self.is_write else self.run_read)(service, *args, **kwargs)
        if attempt is not None:
            attempt.succeed()
        return answer

    def _begin_attempt(
        self, attempts: CredentialAttempts, context: CallContext, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Awaitable[Attempt]:
        """Count the attempt of a call, or raise QuotaExceeded."""
        if self.checks_token:
            return attempts.begin_token(context.address)
        return attempts.begin(self.account_of_call(args, kwargs), context.address, context.caller.id)

    def account_of_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return the account that a call attempts, from its body; None if the body names none."""
        for argument in (*args, *kwargs.values()):
            if self.attempted_account is not None and self.input is not None and isinstance(argument, self.input):
                return self.attempted_account(argument)
        return None

    async def run_write(self, service: Any, *args: Any, **kwargs: Any) -> R:
        """Check the access rule and run the method in the call's transaction.

        The outermost operation commits; nested operations join its transaction. Lost races are
        retried: up to four tries. The method of a manual operation opens its own transactions, so
        it cannot be nested.
        """
        context: CallContext = service.context
        self.access.check(context.caller)
        check_nesting(self.name, self.transaction == "manual", context)
        if context.work.session is not None:
            return await self._call_method(service, context, args, kwargs)
        context.work.root_operation = self.name
        key = context.idempotency.key if self.accepts_idempotency_key else None
        check_key(key, self, context)
        try:
            if key is None:
                return await self._run_transactions(service, context, args, kwargs)
            return await self._run_idempotent(service, context, key, args, kwargs)
        except LostRace:
            detail = "Concurrent requests kept changing the same data. Try again."
            raise Conflict.lost_race(detail) from None
        finally:
            await context.work.run_hooks()

    def _run_transactions(
        self, service: Any, context: CallContext, args: Any, kwargs: Any, claimed: Claim | None = None
    ) -> Awaitable[R]:
        """Run the method in its transaction, or let it open its own, and complete the claim."""

        def call() -> Awaitable[R]:
            return self._call_method(service, context, args, kwargs)

        if self.transaction == "manual":
            return ManualTransactions(context, self.name, self.result, claimed).call(call)
        before_commit = None if claimed is None else completion(claimed, self.result, context)
        return run_transaction(context, call, before_commit)

    async def _run_idempotent(
        self, service: Any, context: CallContext, key: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> R:
        """Replay the stored outcome of a key, or run the write and store its outcome."""
        arguments = self.signature.bind(service, *args, **kwargs).arguments
        selection = next(cast(Selection[Any], a) for a in arguments.values() if isinstance(a, Selection))
        del arguments[next(iter(arguments))]  # the service itself
        claimed = await claim(context, self.name, key, fingerprint(arguments, context.database.reads.secret))
        if isinstance(claimed, str):
            return await replay(claimed, self.result, selection, context)
        # An earlier call may have committed an intent under it.
        claimed.is_kept = self.transaction == "manual" and claimed.was_taken_over
        storing = storing_selection(self.result, selection, context.caller.permissions)
        args = [storing if a is selection else a for a in args]
        kwargs = {n: storing if a is selection else a for n, a in kwargs.items()}
        try:
            return await self._run_transactions(service, context, args, kwargs, claimed)
        except BaseException as fault:
            if isinstance(fault, Problem) and is_final(fault) and not claimed.is_kept:
                await claimed.complete_separately(problem_outcome(fault))
            else:
                await claimed.release()
            raise

    async def _call_method(self, service: Any, context: CallContext, args: Any, kwargs: Any) -> R:
        outer, context.work.current_operation = context.work.current_operation, self.name
        try:
            method: Any = self.method
            return await method(service, *args, **kwargs)
        finally:
            context.work.current_operation = outer


def operation[O, **P, R](
    name: str,
    kind: Kind,
    result: Result[Any],
    *,
    access: Access,
    problems: tuple[type[Problem], ...] = (),
    input: type[msgspec.Struct] | None = None,
    parent_relation: tuple[Resource[Any], str] | None = None,
    path_resource: Resource[Any] | None = None,
    path_ids: Mapping[str, Resource[Any]] | None = None,
    public: bool = False,
    points: int | None = None,
    status: int | None = None,
    may_return_existing: bool = False,
    idempotent: bool = True,
    requires_idempotency_key: bool = False,
    transaction: TransactionMode = "automatic",
    attempted_account: AttemptedAccount | None = None,
    checks_token: bool = False,
    exclusive_to: Door | None = None,
    reason: str = "",
) -> Callable[[Callable[Concatenate[O, P], Awaitable[R]]], Operation[O, P, R]]:
    """Declare a service method as an operation (see `Operation`). The access rule is required."""
    reads_row = kind in ("get", "replace", "update", "delete") and isinstance(result, Resource)
    has_path = parent_relation is not None or path_resource is not None or bool(path_ids)
    not_found: tuple[type[Problem], ...] = (NotFound,) if reads_row or has_path else ()

    def declare(method: Callable[Concatenate[O, P], Awaitable[R]]) -> Operation[O, P, R]:
        return Operation(
            method,
            name,
            kind,
            result,
            access=access,
            problems=(*not_found, *problems),
            input=input,
            parent_relation=parent_relation,
            path_resource=path_resource,
            path_ids=path_ids,
            public=public,
            points=points,
            status=status,
            may_return_existing=may_return_existing,
            idempotent=idempotent,
            requires_idempotency_key=requires_idempotency_key,
            transaction=transaction,
            attempted_account=attempted_account,
            checks_token=checks_token,
            exclusive_to=exclusive_to,
            reason=reason,
        )

    return declare
