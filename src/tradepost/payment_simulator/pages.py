"""The payment page of an intent and its 3-D Secure page. They work without JavaScript.

The client secret in the path opens them; it is good for one intent.
"""

import hmac
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tradepost.kit.text.templates import template_environment

from . import confirmation
from .amounts import money
from .asgi import Answer, Request
from .cards import PAYMENT_METHODS, method_of_number
from .engine import Engine
from .errors import ApiError
from .ledger import Ledger
from .store import Object

TEMPLATES = Path(__file__).parent / "templates"
SHARED = Path(__file__).parents[1] / "doors" / "pages"
"""The layout and the stylesheet of the pages of Tradepost."""
PATH = re.compile(r"/(pay|authenticate)/((pi_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+)")
EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/\s*([0-9]{2})")
CVC = re.compile(r"[0-9]{3,4}")
OPEN = ("requires_payment_method", "requires_confirmation")
ORDER_NAMES = ("order_number", "order")
REDIRECT_STATUSES = {"succeeded": "succeeded", "requires_capture": "succeeded", "processing": "pending"}


@cache
def stylesheet() -> bytes:
    """Return the stylesheet."""
    return (SHARED / "assets" / "pages.css").read_bytes()


class Pages:
    """Serves the pages."""

    def __init__(self, engine: Engine, base_path: str) -> None:
        self.engine, self.base_path = engine, base_path

    async def answer(self, request: Request) -> Answer:
        """Return a page."""
        if request.path == "/pages.css" and request.method in ("GET", "HEAD"):
            return Answer(200, stylesheet(), {"content-type": "text/css; charset=utf-8"})
        match = PATH.fullmatch(request.path)
        intent = await self.engine.change(lambda tx: _find(tx, match[3], match[2])) if match else None
        if match is None or intent is None:
            return self._render(404, "missing.html")
        if request.method in ("GET", "HEAD"):
            return self._authentication(intent) if match[1] == "authenticate" else self._payment(200, intent)
        if request.method != "POST":
            return Answer(405, headers={"allow": "GET, HEAD, POST"})
        form = dict(parse_qsl(request.body.decode("ascii", "replace"), max_num_fields=20))
        if match[1] == "authenticate":
            return await self._authenticate(request, intent, form)
        return await self._pay(request, intent, form)

    async def _pay(self, request: Request, intent: Object, form: dict[str, str]) -> Answer:
        number = form.get("number", "")
        if errors := _form_errors(number, form):
            return self._payment(422, intent, errors)
        try:
            method = method_of_number(number)
            intent = await self.engine.change(
                lambda tx: confirmation.confirm_on_page(tx, intent["id"], method), request.base_url
            )
        except ApiError as error:
            return await self._declined(intent, error)
        return self._next(intent)

    async def _declined(self, intent: Object, error: ApiError) -> Answer:
        current = await self.engine.change(lambda tx: confirmation.find_intent(tx, intent["id"]))
        if current["status"] not in OPEN:  # the form was sent twice, or the shop has canceled the payment
            return self._next(current)
        field = {"number": error.message} if error.param == "number" else {}
        return self._payment(error.status, current, field, "" if field else error.message)

    async def _authenticate(self, request: Request, intent: Object, form: dict[str, str]) -> Answer:
        is_complete = form.get("result") == "complete"
        try:
            intent = await self.engine.change(
                lambda tx: confirmation.authenticate(
                    tx, confirmation.find_intent(tx, intent["id"]), is_complete=is_complete
                ),
                request.base_url,
            )
        except ApiError:
            intent = await self.engine.change(lambda tx: confirmation.find_intent(tx, intent["id"]))
        return self._next(intent)

    def _next(self, intent: Object) -> Answer:
        """Return the redirect to the 3-D Secure page, to the shop, or to the payment page."""
        if intent["status"] == "requires_action":
            return self._redirect(f"{self.base_path}/authenticate/{intent['client_secret']}")
        return self._redirect(_return_url(intent) or f"{self.base_path}/pay/{intent['client_secret']}")

    def _redirect(self, url: str) -> Answer:
        return Answer(303, headers={"location": url, "referrer-policy": "no-referrer"})

    def _payment(self, status: int, intent: Object, errors: Mapping[str, str] = {}, problem: str = "") -> Answer:
        last = intent["last_payment_error"]
        problem = problem or (last["message"] if last and not errors else "")
        names = [intent["metadata"][name] for name in ORDER_NAMES if name in intent["metadata"]]
        return self._render(
            status,
            "pay.html",
            intent,
            errors=errors,
            problem=problem,
            text=intent["description"] or (f"Order {names[0]}" if names else ""),
            is_open=intent["status"] in OPEN,
            methods=[m for m in PAYMENT_METHODS if m.label and m.type in intent["payment_method_types"]],
            return_url=_return_url(intent),
        )

    def _authentication(self, intent: Object) -> Answer:
        if intent["status"] != "requires_action":
            return self._redirect(f"{self.base_path}/pay/{intent['client_secret']}")
        return self._render(200, "authenticate.html", intent, problem="")

    def _render(self, status: int, name: str, intent: Object | None = None, **values: Any) -> Answer:
        defaults: dict[str, Any] = {"stylesheet": f"{self.base_path}/pages.css", "problem": "", "intent": intent}
        if intent is not None:
            defaults["amount"] = money(intent["amount"], intent["currency"])
        template = template_environment(TEMPLATES, SHARED / "templates").get_template(name)
        html = template.render({**defaults, **values}).encode()
        return Answer(status, html, _headers(intent))


def _headers(intent: Object | None) -> dict[str, str]:
    # Browsers check `form-action` again at the redirect that follows a form.
    url = urlsplit(str(intent["_return_url"] or "") if intent else "")
    shop = f" {url.scheme}://{url.netloc}" if url.netloc else ""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"form-action 'self'{shop}; frame-ancestors 'none'"
    )
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
    }


def _find(tx: Ledger, intent_id: str, client_secret: str) -> Object | None:
    intent = tx.find(intent_id, "payment_intent")
    if intent is None or not hmac.compare_digest(intent["client_secret"], client_secret):
        return None
    return intent


def _form_errors(number: str, form: dict[str, str]) -> dict[str, str]:
    if number[:1].isalpha():
        return {}
    errors: dict[str, str] = {}
    if not number.strip():
        errors["number"] = "Enter a card number."
    if EXPIRY.fullmatch(form.get("expiry", "").strip()) is None:
        errors["expiry"] = "Enter the month and year as MM/YY."
    if CVC.fullmatch(form.get("cvc", "").strip()) is None:
        errors["cvc"] = "Enter the three or four digits."
    return errors


def _return_url(intent: Object) -> str | None:
    """Return the URL of the shop with the outcome, as Stripe appends it."""
    if intent["_return_url"] is None:
        return None
    parts = urlsplit(intent["_return_url"])
    outcome = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": REDIRECT_STATUSES.get(intent["status"], "failed"),
    }
    query = "&".join([part for part in (parts.query, urlencode(outcome)) if part])
    return urlunsplit(parts._replace(query=query))
