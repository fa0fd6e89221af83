"""E-mails from templates, in the language of their reader.

A folder of templates has a folder per language. In it each e-mail has a plain text (`NAME.txt`,
with the blocks `subject` and `body`) and the same as HTML (`NAME.html`), both of which stand
nowhere else, so that they can be translated there. English ships. The folder of the operator has
further languages, or other texts; it needs no HTML. Files whose names begin with `_` are parts
of others.
"""

import logging
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schema.money import format_money
from ..text.templates import template_environment
from .mail import Email

if TYPE_CHECKING:
    from jinja2 import Environment

LOG = logging.getLogger("tradepost.emails")
LAYOUTS = Path(__file__).parent / "templates"
"""The folder of `email_layout.txt` and `email_layout.html`, which templates extend."""
ENGLISH = "en"
LANGUAGE = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
"""A BCP 47 language tag."""


class InvalidTemplate(Exception):
    """A template of the operator that cannot be used."""


class EmailTemplates:
    """The templates that ship, and those of the operator, which come first."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        # The names of files may be in any case, those of locales too.
        self.languages = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()} if folder else {}

    def check(self, names: set[str]) -> None:
        """Raise InvalidTemplate if a file is no template of one of these e-mails.

        Whether a template needs a value that its e-mail does not have is known when it is sent.
        """
        from jinja2 import TemplateError

        if self.folder is None:
            return
        known = names | {layout.stem for layout in LAYOUTS.iterdir()}
        for path in sorted(self.folder.glob("**/[!.]*.*")):
            name = path.relative_to(self.folder)
            if len(name.parts) != 2 or LANGUAGE.fullmatch(name.parts[0]) is None:
                raise InvalidTemplate(f"`{name}` is not in a folder of its language, such as `de` or `de-AT`")
            if path.suffix not in (".txt", ".html") or (not path.name.startswith("_") and path.stem not in known):
                raise InvalidTemplate(f"`{name}` is no e-mail; they are {', '.join(sorted(names))}")
            try:
                blocks = _environment(path.parent).get_template(path.name).blocks
            except (TemplateError, UnicodeDecodeError) as error:
                raise InvalidTemplate(f"`{name}` cannot be read: {error}") from None
            if path.suffix == ".txt" and path.stem in names and not {"subject", "body"} <= set(blocks):
                raise InvalidTemplate(f"`{name}` needs the blocks `subject` and `body`")

    def render(
        self, shipped: Path, name: str, to: str, /, *, locale: str = ENGLISH, currency: str = "", **values: Any
    ) -> Email:
        """Return an e-mail to one address, from the templates `name`.

        shipped: the folder of the templates that ship.
        locale: the language of the reader (BCP 47). Without templates in it, the e-mail is English.
        currency: that of the amounts which the template formats by `money(amount)`.
        """
        if (own := self._find(name, locale)) is not None:
            language, folder = own
            try:
                return _render(folder, name, to, language, currency, values)
            except Exception as error:  # an expression of a template can raise any
                LOG.error("EMAIL_TEMPLATES: `%s` of `%s` is sent in English: %s", name, folder.name, error)
        return _render(shipped / ENGLISH, name, to, ENGLISH, currency, values)

    def _find(self, name: str, locale: str) -> tuple[str, Path] | None:
        """Return the language and the folder of the operator's template, if there is one."""
        for language in _candidates(locale):
            folder = self.languages.get(language.lower())
            if folder is not None and (folder / f"{name}.txt").is_file():
                # Amounts are written as in the reader's country, if the text is in their language.
                is_same = _primary(language) == _primary(locale)
                return (locale if is_same else language), folder
        return None


def _candidates(locale: str) -> Iterator[str]:
    """Yield the languages in which a reader gets an e-mail, the best one first (RFC 4647, 3.4)."""
    parts = locale.split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    if _primary(locale) != ENGLISH:
        yield ENGLISH


def _primary(language: str) -> str:
    """Return the language of a tag, without its script and region."""
    return language.partition("-")[0].lower()


def _environment(folder: Path) -> "Environment":
    """Return the templates of a language. Its own layout wins."""
    return template_environment(folder, LAYOUTS)


def _render(folder: Path, name: str, to: str, language: str, currency: str, values: dict[str, Any]) -> Email:
    """Return an e-mail. The HTML template gets the subject as `subject`."""
    environment = _environment(folder)
    values = {"language": language, "money": partial(format_money, currency=currency, language=language), **values}
    text = environment.get_template(f"{name}.txt")
    # A header has no line breaks; a block of a template may.
    subject = " ".join("".join(text.blocks["subject"](text.new_context(values))).split())
    html = ""
    if (folder / f"{name}.html").is_file():
        html = environment.get_template(f"{name}.html").render(values, subject=subject)
    return Email(to=to, subject=subject, text=text.render(values).strip() + "\n", html=html)
