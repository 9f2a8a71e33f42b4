"""Every link of the documents and of the code leads to a file, and to a heading of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_ROOT = Path(__file__).parent.parent
_FOLDERS = ("docs", "harness", "pytest_sessionreg", "reports", "tests")
# What runs leave there is nobody's document.
_LATEST = _ROOT / "reports" / "latest"
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_CODE_SPAN = re.compile(r"`[^`\n]+`")
# [text](target), ![text](target) and [![text](target)](target), with or without a title
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_BARE_URL = re.compile(r"<(https?://[^>\s]+)>")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
# How code refers to a page: docs/page.md#heading
_REFERENCE = re.compile(r"\b((?:docs|reports)/[\w./-]*\w\.md(?:#[\w-]+)?)")


def _files(suffix: str) -> list[Path]:
    found = [*_ROOT.glob(f"*{suffix}"), *(path for folder in _FOLDERS for path in (_ROOT / folder).rglob(f"*{suffix}"))]
    return sorted({path.resolve() for path in found if _LATEST not in path.parents})


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


_PAGES = _files(".md")
_MODULES = [path for path in _files(".py") if path != Path(__file__).resolve()]


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a page: lower case, without punctuation, a hyphen for each space,
    and a number for a heading that was there before.
    """
    found: dict[str, int] = {}
    anchors = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        seen = found[slug] = found.get(slug, -1) + 1
        anchors.add(f"{slug}-{seen}" if seen else slug)
    return frozenset(anchors)


def _links(page: Path) -> Iterator[str]:
    text = _CODE_SPAN.sub("code", _FENCE.sub("", page.read_text(encoding="utf-8")))
    yield from _LINK.findall(text)
    yield from _BARE_URL.findall(text)


def _complaint(base: Path, target: str) -> str | None:
    """What is wrong with a link to a file, relative to the folder `base`; None if nothing is."""
    name, _, anchor = target.partition("#")
    path = (base / name).resolve()
    if not path.exists():
        return f"{target}: no such file"
    if anchor and (path.suffix != ".md" or anchor not in _anchors(path)):
        return f"{target}: no such heading"
    return None


def _is_url(target: str) -> bool:
    return bool(urlsplit(target).scheme)


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = [link for link in _links(page) if not _is_url(link)]
    wrong = [
        complaint
        for link in links
        if (complaint := _complaint(page.parent, f"{page.name}{link}" if link.startswith("#") else link))
    ]
    assert not wrong


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_every_external_link_of_a_page_is_a_web_address(page: Path) -> None:
    parts = {link: urlsplit(link) for link in _links(page) if _is_url(link)}
    assert not [link for link, part in parts.items() if part.scheme not in {"http", "https"} or "." not in part.netloc]


def test_every_page_that_code_refers_to_is_there_and_has_the_heading() -> None:
    references = {
        (_name(module), reference)
        for module in _MODULES
        for reference in _REFERENCE.findall(module.read_text(encoding="utf-8"))
    }
    assert len(references) > 10
    assert not [
        f"{module}: {complaint}"
        for module, reference in sorted(references)
        if (complaint := _complaint(_ROOT, reference))
    ]


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = set(_links(_ROOT / "docs/README.md"))
    assert {page.name for page in (_ROOT / "docs").glob("*.md")} - {"README.md"} <= index


def test_headings_have_the_anchors_that_github_gives_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# What's `--on`, and why?\n## Twice\n```sh\n# no heading\n```\n## Twice\n### [A link](b.md): more\n"
    )
    assert _anchors(page) == {"whats---on-and-why", "twice", "twice-1", "a-link-more"}


@pytest.mark.parametrize("target", ["missing.md", "page.md#missing"])
def test_a_link_that_leads_nowhere_is_found(target: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Here\n")
    assert _complaint(tmp_path, "page.md#here") is None
    assert _complaint(tmp_path, target) is not None
