"""Sphinx settings. The pages of models, protocols, experiments and public names are written by pages.py first."""
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

import spikelearn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import pages  # noqa: E402
import pieces  # noqa: E402

project = "spikelearn"
author = copyright = "The spikelearn authors"
version = release = spikelearn.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["generated/tables/*"]       # parts of other pages
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
highlight_language = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
html_theme = "furo"
html_static_path, html_css_files = ["style"], ["site.css"]
html_title = "spikelearn"
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False
html_math_renderer = "mathml"


def _inline_math(writer, node):
    writer.body.append(tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _displayed_math(writer, node):
    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>\n')
    raise nodes.SkipNode


def _own_links(app, docname, content):
    """A hand-written page may link to files of the repository, which are not part of the site."""
    if not docname.startswith("generated/"):
        content[0] = pieces.without_outside_links(content[0])


def setup(app):
    written = set(pages.write(HERE / "generated", figures=True))
    for path in {*(HERE / "generated").rglob("*.md"), *(HERE / "generated").rglob("*.rst")} - written:
        path.unlink()                   # of a model or protocol that is no longer there
    app.add_html_math_renderer("mathml", (_inline_math, None), (_displayed_math, None))     # read without the network
    app.connect("source-read", _own_links)
