"""What there is in the README and the pages of docs/: code, links, tables."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
DOCUMENTS = [README, *PAGES]


@dataclass(frozen=True)
class Block:
    """A fenced block of code; `line` is the number of its first line in the file."""

    path: Path
    line: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.path.relative_to(REPOSITORY)}:{self.line}"

    def padded(self) -> str:
        """The code on the very lines that it has in the file, so that a traceback names them."""
        return "\n" * (self.line - 1) + self.code


@dataclass(frozen=True)
class Link:
    """A link or an image; `title` is what stands in quotes after its address."""

    path: Path
    address: str
    title: str

    @property
    def is_local(self) -> bool:
        return "://" not in self.address and not self.address.startswith("mailto:")

    @property
    def file(self) -> Path:
        """The file that a local link leads to."""
        target = unquote(self.address.partition("#")[0])
        return (self.path.parent / target).resolve() if target else self.path


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all documents in some languages."""
    code_blocks = []
    for path in DOCUMENTS:
        for token in _tokens(path):
            if token.type == "fence" and token.info in languages:
                assert token.map is not None
                code_blocks.append(Block(path, token.map[0] + 2, token.info, token.content))
    return code_blocks


def languages() -> set[str]:
    return {token.info for path in DOCUMENTS for token in _tokens(path) if token.type == "fence"}


def links(path: Path) -> Iterator[Link]:
    for token in _inline(path):
        if token.type in {"link_open", "image"}:
            address = token.attrs.get("href") or token.attrs.get("src") or ""
            yield Link(path, str(address), str(token.attrs.get("title", "")))


def headings(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    tokens = _tokens(path)
    texts = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    anchors = ("".join(sign for sign in text.lower() if sign.isalnum() or sign in " -_") for text in texts)
    return {text.replace(" ", "-") for text in anchors}


def names_in_tables(path: Path, heading: str) -> list[str]:
    """Return the names in code style that stand in the first column of the tables below a heading."""
    names: list[str] = []
    below = in_body = in_first = False
    for token in _tokens(path):
        if token.type == "inline" and token.content.replace("`", "") == heading:
            below = True
        elif below and token.type == "heading_open":
            break
        elif below and token.type == "tbody_open":
            in_body = True
        elif below and token.type == "tbody_close":
            in_body = False
        elif in_body and token.type == "tr_open":
            in_first = True
        elif below and token.type == "inline" and in_first:
            names += [child.content for child in token.children or () if child.type == "code_inline"]
            in_first = False
    return names


def _tokens(path: Path) -> list[Token]:
    return MarkdownIt("gfm-like", {"linkify": False}).parse(path.read_text())


def _inline(path: Path) -> Iterator[Token]:
    for token in _tokens(path):
        yield from token.children or ()


def table(path: Path, heading: str) -> list[list[list[Token]]]:
    """Return the rows of the first table below a heading, a list of inline tokens for each cell; the header is first."""
    rows: list[list[list[Token]]] = []
    below = False
    for token in _tokens(path):
        if token.type == "inline" and token.content == heading:
            below = True
        elif below and token.type == "tr_open":
            rows.append([])
        elif below and rows and token.type == "inline":
            rows[-1].append(token.children or [])
        elif below and token.type == "table_close":
            break
    return rows
