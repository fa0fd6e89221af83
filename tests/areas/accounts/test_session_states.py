"""Sessions against a model of a few lines: whatever is done in whatever order, the tokens that are alive are those that the model says."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argon2 import PasswordHasher as Argon2Hasher
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from tests.areas.accounts.people import DOORS, OTHER, PASSWORD, Answer, Door, House, person
from tradepost.areas.accounts.password_hasher import PasswordHasher

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

WORDS = (PASSWORD, OTHER)
doors, users, flags = st.sampled_from(DOORS), st.integers(0, 1), st.booleans()


@dataclass
class Session:
    """A session as the model has it: whose it is, and whether its tokens are alive."""

    user: int
    alive: bool = True


@dataclass
class Pair:
    """The tokens of a session that came together; the refresh token is used once."""

    access: str
    refresh: str
    session: Session
    used: bool = False


@dataclass
class World:
    """The shop that all examples run in, and the loop that it runs on."""

    app: "TradepostApp"
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    admin: House


@dataclass
class User:
    """What the model knows of a user."""

    id: str
    email: str
    word: int = 0
    active: bool = True
    sessions: list[Session] = field(default_factory=list[Session])

    def end(self, but: Session | None = None) -> None:
        """All sessions end, but for one."""
        for session in self.sessions:
            session.alive = session.alive and session is but


class Sessions(RuleBasedStateMachine):
    """Two users, and all that begins, continues and ends their sessions."""

    world: World
    pairs = Bundle("pairs")

    def __init__(self) -> None:
        super().__init__()
        made = [self.world.run(person(self.world.app)) for _ in range(2)]
        self.users = [User(p.id, p.email) for p in made]
        self.all = list[Pair]()
        for user, one in zip(
            self.users, made, strict=True
        ):  # a session that nothing but the ends of all sessions reaches
            user.sessions.append(Session(self.users.index(user)))
            self.all.append(Pair(one.access_token, one.refresh_token, user.sessions[0]))

    def call(
        self, door: Door, operation: str, body: Any = None, *, by: str | None = None, id: str | None = None
    ) -> Answer:
        """One call."""
        house = House(self.world.app) if by is None else House(self.world.app).bearing(by)
        return self.world.run(house.call(door, operation, body, id=id))

    def begun(self, session: Session, pair: dict[str, Any]) -> Pair:
        """A pair of a session."""
        self.all.append(Pair(pair["access_token"], pair["refresh_token"], session))
        return self.all[-1]

    @rule(target=pairs, user=users, door=doors, right=flags)
    def login(self, user: int, door: Door, right: bool) -> Any:
        """Begins a session where the password is right and the user active."""
        of = self.users[user]
        answer = self.call(door, "login", {"email": of.email, "password": WORDS[of.word if right else 1 - of.word]})
        assert answer.code == (None if right and of.active else "invalid_credentials")
        if answer.code is not None:
            return multiple()
        of.sessions.append(Session(user))
        return self.begun(of.sessions[-1], answer.body)

    @rule(target=pairs, pair=pairs, door=doors)
    def continue_(self, pair: Pair, door: Door) -> Any:
        """Goes on with a session by a fresh token; a used one ends it."""
        answer = self.call(door, "token_refresh", {"refresh_token": pair.refresh})
        assert answer.code == (None if pair.session.alive and not pair.used else "invalid_token")
        if answer.code is not None:
            pair.session.alive = pair.session.alive and not pair.used
            return multiple()
        pair.used = True
        return self.begun(pair.session, answer.body)

    @rule(pair=pairs, door=doors)
    def come_in(self, pair: Pair, door: Door) -> None:
        """A token of a session that is alive lets in."""
        assert self.call(door, "me", by=pair.access).code == (None if pair.session.alive else "unauthenticated")

    @rule(pair=pairs, door=doors, everywhere=flags)
    def logout(self, pair: Pair, door: Door, everywhere: bool) -> None:
        """Ends one session, or all of a user."""
        answer = self.call(door, "logout_everywhere" if everywhere else "logout", by=pair.access)
        assert answer.code == (None if pair.session.alive else "unauthenticated")
        if answer.code is None and everywhere:
            self.users[pair.session.user].end()
        elif answer.code is None:
            pair.session.alive = False

    @rule(pair=pairs, door=doors)
    def change_password(self, pair: Pair, door: Door) -> None:
        """Ends the other sessions."""
        user = self.users[pair.session.user]
        body = {"current_password": WORDS[user.word], "new_password": WORDS[1 - user.word]}
        answer = self.call(door, "password_change", body, by=pair.access)
        assert answer.code == (None if pair.session.alive else "unauthenticated")
        if answer.code is None:
            user.word = 1 - user.word
            user.end(but=pair.session)

    @rule(user=users, door=doors, out=flags)
    def suspend_or_restore(self, user: int, door: Door, out: bool) -> None:
        """Ends all sessions and lets nobody in, or lets in again who logs in."""
        of = self.users[user]
        answer = self.world.run(self.world.admin.call(door, "user_suspend" if out else "user_restore", id=of.id))
        assert answer.code == (None if of.active == out else "invalid_transition")
        if out:
            of.end()
        of.active = not out

    @invariant()
    def a_suspended_user_has_no_session(self) -> None:
        """The model's own."""
        assert all(u.active or not any(s.alive for s in u.sessions) for u in self.users)

    def teardown(self) -> None:
        """In the end every token is asked."""
        for pair in self.all:
            self.come_in_at_both(pair)

    def come_in_at_both(self, pair: Pair) -> None:
        """At both doors."""
        for door in DOORS:
            assert self.call(door, "me", by=pair.access).code == (None if pair.session.alive else "unauthenticated")


@contextmanager
def started(settings: "Settings") -> Iterator[tuple["TradepostApp", Callable[[Coroutine[Any, Any, Any]], Any]]]:
    """A shop on a loop of its own, and what runs there: the machine itself knows no loop."""
    from tradepost.app import create_app

    app, open, closing = create_app(settings), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            open.set()
            await closing.wait()

    with asyncio.Runner() as runner:
        life = runner.get_loop().create_task(live())
        runner.run(open.wait())
        try:
            yield app, runner.run
        finally:
            closing.set()
            runner.run(asyncio.wait_for(life, 20))


def test_the_tokens_that_are_alive_are_those_that_the_model_says(fresh_settings: "Callable[[], Settings]") -> None:
    with started(fresh_settings()) as (app, run):
        # What passwords cost is not what is tested here.
        app.state.means.of(PasswordHasher).hasher = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)
        Sessions.world = World(app, run, run(person(app, "admin")))
        # What fails is told as it was found: each step is a call, and to make the way there shorter takes minutes.
        given = settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.explicit, Phase.generate],
        )
        run_state_machine_as_test(Sessions, settings=given)
