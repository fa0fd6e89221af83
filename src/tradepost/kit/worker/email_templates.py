"""E-mails from templates: each has a plain text (`NAME.txt`) and the same as HTML (`NAME.html`).

The text template has the blocks `subject` and `body`. Texts stand in the templates only, so that
they can be translated there.
"""

from pathlib import Path
from typing import Any

from ..text.templates import template_environment
from .mail import Email

LAYOUTS = Path(__file__).parent / "templates"
"""The folder of `email_layout.txt` and `email_layout.html`, which templates extend."""


def render_email(folder: Path, name: str, to: str, /, **values: Any) -> Email:
    """Return an e-mail to one address, from the templates `name` in a folder.

    The HTML template gets the subject as `subject`.
    """
    environment = template_environment(folder, LAYOUTS)
    text = environment.get_template(f"{name}.txt")
    subject = "".join(text.blocks["subject"](text.new_context(values))).strip()
    html = environment.get_template(f"{name}.html").render(values, subject=subject)
    return Email(to=to, subject=subject, text=text.render(values).strip() + "\n", html=html)
