"""`python -m tradepost.payment_simulator` serves the simulator on the loopback address."""

import asyncio
import signal
from pathlib import Path

import click
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from .app import create_simulator
from .ledger import WebhookEndpoint

CONNECTIONS = 1024


def _endpoint(text: str) -> WebhookEndpoint:
    url, _, secret = text.rpartition("=")
    if not url:
        raise click.BadParameter("Use URL=SECRET.")
    return WebhookEndpoint(url, secret)


@click.command()
@click.option("--port", type=int, required=True, help="The loopback port to listen on.")
@click.option("--store", type=click.Path(path_type=Path), required=True, help="The SQLite file; it is created.")
@click.option("--secret-key", default="sk_test_simulator", show_default=True)
@click.option("--publishable-key", default="pk_test_simulator", show_default=True)
@click.option("--webhook", "webhooks", multiple=True, metavar="URL=SECRET", help="An endpoint for events; repeatable.")
@click.option("--controls", is_flag=True, help="Let tests ask for faults and act at the dashboard.")
@click.option("--settle-seconds", type=float, default=5, show_default=True, help="How long delayed payments take.")
@click.option("--retry-seconds", type=float, default=1, show_default=True, help="The first wait of webhooks.")
def main(
    port: int,
    store: Path,
    secret_key: str,
    publishable_key: str,
    webhooks: tuple[str, ...],
    controls: bool,
    settle_seconds: float,
    retry_seconds: float,
) -> None:
    """Serve the payment simulator until SIGTERM or Ctrl-C."""
    simulator = create_simulator(
        store,
        secret_key=secret_key,
        publishable_key=publishable_key,
        webhooks=[_endpoint(text) for text in webhooks],
        controls=controls,
        settle_seconds=settle_seconds,
        retry_seconds=retry_seconds,
    )
    server = Server(
        simulator,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        log_level=LogLevels.warning,
    )
    asyncio.run(_serve(server))


async def _serve(server: Server) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.serve()


if __name__ == "__main__":
    main()
