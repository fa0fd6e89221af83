"""`tradepost create-admin`: the first thing that a shop in production needs."""

import asyncio
import sys

import click

from tradepost.settings import Settings


def create(settings: Settings, email: str, password_stdin: bool) -> None:
    """Makes the admin and says so; what is wrong with the address or the password is one line, and exit 1."""
    from tradepost.kit.problems import Validation

    try:
        needed = asyncio.run(_needs_password(settings, email))
        password = _password(password_stdin) if needed or password_stdin else None
        new = asyncio.run(_make(settings, email, password))
    except Validation as refused:
        raise click.ClickException(" ".join(fault.detail for fault in refused.errors)) from None
    kept = "" if password is not None else "; its password is as it was"
    click.echo(
        f"{email.strip()} is {'a new' if new else 'now an'} admin{kept}. Log in at POST {settings.public_url}/v1/auth/login."
    )


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


async def _needs_password(settings: Settings, email: str) -> bool:
    from tradepost.areas.accounts.service import Admins
    from tradepost.cli.database import cli_context

    async with cli_context(settings) as context:
        return await Admins(context).needs_password(email)


async def _make(settings: Settings, email: str, password: str | None) -> bool:
    from tradepost.areas.accounts.service import Admins
    from tradepost.cli.database import cli_context

    async with cli_context(settings) as context:
        return await Admins(context).create_or_promote(email, password)
