"""`tradepost create-admin`: creates the first account of a new installation."""

import asyncio
import sys

import click

from tradepost.settings import Settings


def create(settings: Settings, email: str, password_stdin: bool) -> None:
    """Create or promote the admin and print the result.

    An invalid address or password prints one line and exits with status 1.
    """
    from tradepost.kit.problems import Validation

    try:
        needs_password = asyncio.run(_needs_password(settings, email))
        password = _read_password(password_stdin) if needs_password or password_stdin else None
        is_new = asyncio.run(_create_or_promote(settings, email, password))
    except Validation as problem:
        raise click.ClickException(" ".join(fault.detail for fault in problem.errors)) from None
    result = f"{email.strip()} is {'a new' if is_new else 'now an'} admin"
    note = "" if password is not None else "; its password is unchanged"
    click.echo(f"{result}{note}. Log in at POST {settings.public_url}/v1/auth/login.")


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


async def _needs_password(settings: Settings, email: str) -> bool:
    from tradepost.areas.accounts.service import Admins
    from tradepost.cli.database import cli_context

    async with cli_context(settings) as context:
        return await Admins(context).needs_password(email)


async def _create_or_promote(settings: Settings, email: str, password: str | None) -> bool:
    from tradepost.areas.accounts.service import Admins
    from tradepost.cli.database import cli_context

    async with cli_context(settings) as context:
        return await Admins(context).create_or_promote(email, password)
