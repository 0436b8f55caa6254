"""SVG files as elements of a page, which its script can change."""

from xml.etree import ElementTree

from markupsafe import Markup

SVG = "{http://www.w3.org/2000/svg}"
"""Namespace of the elements, as ElementTree writes it before their names."""


def inline(svg: bytes, prefix: str, title: str) -> Markup:
    """Return the element of an SVG file under the name `title`; `prefix` makes its identifiers unique on the page."""
    root = ElementTree.fromstring(svg)
    root.set("role", "img")
    root.set("aria-label", title)
    for metadata in root.findall(f"{SVG}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for name, value in element.items():
            if name == "id":
                element.set(name, f"{prefix}-{value}")
            elif name.endswith("href") and value.startswith("#"):
                element.set(name, f"#{prefix}-{value[1:]}")
            else:
                element.set(name, value.replace("url(#", f"url(#{prefix}-"))
    return Markup(text_of(root))


def text_of(root: ElementTree.Element) -> str:
    """Return an SVG element as text without prefixes before its names, as HTML requires."""
    ElementTree.register_namespace("", SVG.strip("{}"))
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return ElementTree.tostring(root, encoding="unicode")
