"""Sphinx's settings; `python -m website` adds the course's title and where release/ is."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from nbjudge.shared.formulas import mathml

extensions = ["myst_parser", "sphinx.ext.githubpages"]
myst_enable_extensions = ["attrs_block", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a notebook may go from a title to a small heading
root_doc = "index"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_math_renderer = "mathml"
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def _formula(translator: HTML5Translator, node: nodes.Element, block: bool) -> None:
    """Write a formula as MathML, which a browser shows without a script."""
    written = mathml(node.astext(), block)
    if written.startswith("<code"):
        logging.getLogger(__name__).warning("no MathML for a formula", location=node)
    translator.body.append(written)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer(
        "mathml",
        (lambda translator, node: _formula(translator, node, block=False), None),
        (lambda translator, node: _formula(translator, node, block=True), None),
    )
