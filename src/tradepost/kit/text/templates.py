"""Jinja2 templates of HTML pages and e-mails.

Values are escaped in `.html` templates, and a variable that is missing is an error.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def template_environment(*folders: Path) -> "Environment":
    """Return the templates in these folders. The first folder that has a name wins."""
    # Imported on first use: it takes 4 MB, which processes without pages and e-mails do not need.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=select_autoescape(["html"], default_for_string=True, default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
