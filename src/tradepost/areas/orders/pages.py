"""The page that links in e-mails lead to, unless STOREFRONT_URL is set."""

from pathlib import Path

from tradepost.doors.pages.script_page import ScriptPage

order_page = ScriptPage("/order", title="Your order", script=Path(__file__).parent / "templates/pages/order.js")
