"""A stateful test: after any sequence of operations, the accepted tokens are those of a model."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from argon2 import PasswordHasher as Argon2Hasher
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import update

from tests.areas.accounts.account_client import (
    DOORS,
    OTHER_PASSWORD,
    PASSWORD,
    Answer,
    Door,
    DoorClient,
    digest,
    register_and_log_in,
    rows_of,
)
from tradepost.areas.accounts.models import RefreshTokenRow, SessionRow
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.service import session_tokens

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

PASSWORDS = (PASSWORD, OTHER_PASSWORD)
doors, users, flags = st.sampled_from(DOORS), st.integers(0, 1), st.booleans()


async def use_earlier(app: "TradepostApp", hashes: list[str]) -> None:
    """Move the use of refresh tokens back by two days."""
    used_at = datetime.now(UTC) - timedelta(days=2)
    async with app.state.database.transaction() as session:
        await session.execute(
            update(RefreshTokenRow).where(RefreshTokenRow.secret_hash.in_(hashes)).values(used_at=used_at)
        )


@dataclass
class Session:
    """A session in the model: its user, and whether its tokens are accepted."""

    user: int
    alive: bool = True


@dataclass
class TokenPair:
    """An access and a refresh token that were issued together.

    `age` is the time since the refresh token was used: None, "grace" or "late".
    """

    access: str
    refresh: str
    session: Session
    age: Literal["grace", "late"] | None = None


@dataclass
class Environment:
    """The shop that all examples share, and its event loop."""

    app: "TradepostApp"
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    admin: DoorClient


@dataclass
class User:
    """A user in the model."""

    id: str
    email: str
    password: int = 0
    active: bool = True
    sessions: list[Session] = field(default_factory=list[Session])

    def end_sessions(self, except_for: Session | None = None) -> None:
        """End all sessions except one."""
        for session in self.sessions:
            session.alive = session.alive and session is except_for


class Sessions(RuleBasedStateMachine):
    """Two users, and every operation that begins, continues or ends their sessions."""

    environment: Environment
    pairs = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        clients = [self.run(register_and_log_in(self.environment.app)) for _ in range(2)]
        self.users = [User(client.id, client.email) for client in clients]
        self.all = list[TokenPair]()
        # These pairs are not in the bundle: only operations that end all sessions reach them.
        for user, client in zip(self.users, clients, strict=True):
            user.sessions.append(Session(self.users.index(user)))
            self.all.append(TokenPair(client.access_token, client.refresh_token, user.sessions[0]))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the loop of the shop."""
        return self.environment.run(work)

    def call(
        self, door: Door, operation: str, body: Any = None, *, token: str | None = None, id: str | None = None
    ) -> Answer:
        """Call an operation, with an access token or without."""
        client = DoorClient(self.environment.app)
        client = client if token is None else client.with_credential(token)
        return self.run(client.call(door, operation, body, id=id))

    def add_pair(self, session: Session, pair: dict[str, Any]) -> TokenPair:
        """Record the tokens that a session was issued."""
        self.all.append(TokenPair(pair["access_token"], pair["refresh_token"], session))
        return self.all[-1]

    @rule(target=pairs, user=users, door=doors, right=flags)
    def login(self, user: int, door: Door, right: bool) -> Any:
        """Begin a session if the password is right and the user is active."""
        owner = self.users[user]
        password = PASSWORDS[owner.password if right else 1 - owner.password]
        answer = self.call(door, "login", {"email": owner.email, "password": password})
        assert answer.code == (None if right and owner.active else "invalid_credentials")
        if answer.code is not None:
            return multiple()
        owner.sessions.append(Session(user))
        return self.add_pair(owner.sessions[-1], answer.body)

    @rule(target=pairs, pair=pairs, door=doors)
    def refresh(self, pair: TokenPair, door: Door) -> Any:
        """Continue a session with a refresh token that is unused or was used moments ago.

        A token that was used earlier ends the session.
        """
        answer = self.call(door, "token_refresh", {"refresh_token": pair.refresh})
        assert answer.code == (None if pair.session.alive and pair.age != "late" else "invalid_token")
        if answer.code is not None:
            pair.session.alive = pair.session.alive and pair.age != "late"
            return multiple()
        issued = self.add_pair(pair.session, answer.body)
        same = [p for p in self.all if p.refresh == issued.refresh and p is not issued]
        if pair.age is None:
            assert not same
            self.mark(pair, "grace")
        else:
            assert same
            assert all(p.age is None for p in same)
        return issued

    def mark(self, pair: TokenPair, age: Literal["grace", "late"]) -> None:
        """Set the age of a refresh token, which several pairs may have."""
        for other in self.all:
            if other.refresh == pair.refresh:
                other.age = age

    @rule(pair=pairs)
    def let_grace_pass(self, pair: TokenPair) -> None:
        """Let the grace of all used refresh tokens of a session pass."""
        used = [p for p in self.all if p.session is pair.session and p.age == "grace"]
        for other in used:
            other.age = "late"
        app = self.environment.app
        hashes = [digest(app, p.refresh) for p in used]
        self.run(use_earlier(app, hashes))

    @rule(pair=pairs, door=doors)
    def authenticate(self, pair: TokenPair, door: Door) -> None:
        """Use an access token. It is accepted while its session is alive."""
        assert self.call(door, "me", token=pair.access).code == (None if pair.session.alive else "unauthenticated")

    @rule(pair=pairs, door=doors, everywhere=flags)
    def logout(self, pair: TokenPair, door: Door, everywhere: bool) -> None:
        """End one session, or all sessions of the user."""
        answer = self.call(door, "logout_everywhere" if everywhere else "logout", token=pair.access)
        assert answer.code == (None if pair.session.alive else "unauthenticated")
        if answer.code is None and everywhere:
            self.users[pair.session.user].end_sessions()
        elif answer.code is None:
            pair.session.alive = False

    @rule(pair=pairs, door=doors)
    def change_password(self, pair: TokenPair, door: Door) -> None:
        """End the other sessions of the user."""
        user = self.users[pair.session.user]
        body = {"current_password": PASSWORDS[user.password], "new_password": PASSWORDS[1 - user.password]}
        answer = self.call(door, "password_change", body, token=pair.access)
        assert answer.code == (None if pair.session.alive else "unauthenticated")
        if answer.code is None:
            user.password = 1 - user.password
            user.end_sessions(except_for=pair.session)

    @rule(user=users, door=doors, suspend=flags)
    def suspend_or_restore(self, user: int, door: Door, suspend: bool) -> None:
        """Suspend a user, which ends all sessions, or allow logins again."""
        target = self.users[user]
        operation = "user_suspend" if suspend else "user_restore"
        answer = self.run(self.environment.admin.call(door, operation, id=target.id))
        assert answer.code == (None if target.active == suspend else "invalid_transition")
        if suspend:
            target.end_sessions()
        target.active = not suspend

    @invariant()
    def a_suspended_user_has_no_live_session(self) -> None:
        """All sessions of a suspended user are revoked in the database."""
        for user in self.users:
            if not user.active:
                sessions = self.run(rows_of(self.environment.app, SessionRow, user_id=user.id))
                assert sessions
                assert all(session.revoked_at for session in sessions)

    def teardown(self) -> None:
        """Try every access token at both doors."""
        for pair in self.all:
            for door in DOORS:
                expected = None if pair.session.alive else "unauthenticated"
                assert self.call(door, "me", token=pair.access).code == expected


@contextmanager
def running_app(settings: "Settings") -> Iterator[tuple["TradepostApp", Callable[[Coroutine[Any, Any, Any]], Any]]]:
    """Start a shop on its own event loop, and return it with a function that runs coroutines there.

    A state machine is synchronous.
    """
    from tradepost.app import create_app

    app, ready, closing = create_app(settings), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            ready.set()
            await closing.wait()

    with asyncio.Runner() as runner:
        lifespan = runner.get_loop().create_task(live())
        runner.run(ready.wait())
        try:
            yield app, runner.run
        finally:
            closing.set()
            runner.run(asyncio.wait_for(lifespan, 20))


def test_the_accepted_tokens_are_those_of_live_sessions(
    fresh_settings: "Callable[[], Settings]", monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a slow machine, ten seconds may pass between two steps.
    monkeypatch.setattr(session_tokens, "REFRESH_GRACE", timedelta(days=1))
    with running_app(fresh_settings()) as (app, run):
        # Cheap hashes: their cost is not under test.
        app.state.dependencies.require(PasswordHasher).argon2 = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
        Sessions.environment = Environment(app, run, run(register_and_log_in(app, "admin")))
        # A failure is not shrunk: each step is a request, so that would take minutes.
        hypothesis_settings = settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.explicit, Phase.generate],
        )
        run_state_machine_as_test(Sessions, settings=hypothesis_settings)
