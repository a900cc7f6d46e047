"""The templates of the HTML pages that are written for students and instructors."""

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


@functools.cache
def template(name: str) -> Template:
    """The template called `name`, such as "feedback", with the filters `number` and `percent`.

    Raises jinja2.TemplateNotFound if there is none; an undefined name in a template raises when
    the page is rendered.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["percent"] = lambda share: f"{100 * share:.0f}%"
    return environment.get_template(f"{name}.html.j2")
