"""The site: `make docs` builds it. Its pages are whole without a network: no font, script or picture is elsewhere."""

import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # docs.extensions, and the package of this clone

project = "oral-cancer"
author = "The oral-cancer authors"
project_copyright = author
version = release = installed("oral-cancer").partition("+")[0]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "docs.extensions",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "extensions"]
default_role = "code"  # docstrings put names in single backticks
autodoc_typehints = "signature"
napoleon_attr_annotations = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "oral-cancer"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_nav_level": 2,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
    "use_edit_page_button": False,
}
html_show_sourcelink = False
html_copy_source = False
