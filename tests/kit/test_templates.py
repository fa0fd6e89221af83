"""Templates escape HTML, and no variable is forgotten silently."""

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from tradepost.kit.text.templates import template_environment
from tradepost.kit.worker.email_templates import EmailTemplates

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'here' {{ 7 * 7 }}"


def test_values_are_escaped_in_html_and_unchanged_in_text(tmp_path: Path) -> None:
    for name in ("page.html", "mail.txt"):
        (tmp_path / name).write_text("{{ value }}")
    environment = template_environment(tmp_path)
    assert environment.get_template("mail.txt").render(value=HOSTILE) == HOSTILE
    page = environment.get_template("page.html").render(value=HOSTILE)
    assert page.count("<") == page.count(">") == page.count('"') == page.count("'") == 0
    assert "{{ 7 * 7 }}" in page


def test_a_missing_variable_or_template_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("{{ forgotten }}")
    environment = template_environment(tmp_path)
    with pytest.raises(UndefinedError):
        environment.get_template("page.html").render()
    for name in ("other.html", "../page.html", "/etc/passwd"):
        with pytest.raises(TemplateNotFound):
            environment.get_template(name)


def test_an_email_has_the_subject_in_both_of_its_parts(tmp_path: Path) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "hello.txt").write_text(
        '{% extends "email_layout.txt" %}{% block subject %}Hello {{ name }}{% endblock %}'
        "{% block body %}Dear {{ name }}{% endblock %}"
    )
    (folder / "hello.html").write_text(
        '{% extends "email_layout.html" %}{% block body %}<p>Dear {{ name }}</p>{% endblock %}'
    )
    email = EmailTemplates().render(tmp_path, "hello", "kim@shop.example", name="<Kim>")
    assert (email.to, email.subject, email.text) == ("kim@shop.example", "Hello <Kim>", "Dear <Kim>\n")
    assert "<title>Hello &lt;Kim&gt;</title>" in email.html
    assert "<p>Dear &lt;Kim&gt;</p>" in email.html
