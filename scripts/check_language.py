"""Check names and prose against the word list of this project: `python scripts/check_language.py [PATH ...]`.

`language.toml` beside this file lists the words, what to write instead, and the exceptions with their reasons.
Names are checked in Python and JavaScript, also against the words for prose: `_search_singly` is two words. Prose is
checked in comments, strings, Markdown, and in the complete text of other files such as the Makefile. Exit code 1 if
anything is found.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = Path(__file__).with_name("language.toml")
# Files without a language of their own: their complete text is checked as prose.
TEXT_FILES = {".cfg", ".css", ".html", ".in", ".ini", ".svg", ".toml", ".yaml", ".yml"}
TEXT_NAMES = {"Makefile", "run"}
SUFFIXES = {".py", ".js", ".md", *TEXT_FILES}
_PROSE_TOKENS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
# Comments and strings, or else names; of properties only those of `this`, as others may belong to a library.
_JS_TOKEN = re.compile(
    r"""(?P<prose>//[^\n]*|/\*.*?\*/|`[^`]*`|"[^"\n]*"|'[^'\n]*')|(?P<name>(?:(?<=\bthis\.)|(?<![\w$.]))[A-Za-z_$][\w$]*)""",
    re.DOTALL,
)
_JS_EXPRESSION = re.compile(r"\$\{([^}]*)\}")
_CODE_IN_MARKDOWN = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """A word that is not to be used, with its location and the replacement."""

    path: str
    line: int
    word: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: {self.advice}"


class WordList:
    """The words of `language.toml`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._names: dict[str, str] = config["names"]
        self._parts: dict[str, str] = config["name_parts"]
        self._name_patterns = [(re.compile(pattern), advice) for pattern, advice in config["name_patterns"].items()]
        self._prose = [(re.compile(pattern, re.IGNORECASE), advice) for pattern, advice in config["prose"].items()]
        self._allowed = config["allow"]

    def check(self, path: str, text: str) -> list[Finding]:
        """Return the findings in a file's text, without the allowed ones."""
        suffix = Path(path).suffix
        if suffix == ".py":
            findings = list(self._check_python(path, text))
        elif suffix == ".js":
            findings = list(self._check_javascript(path, 1, text))
        elif suffix == ".md":
            findings = list(self._check_prose(path, 1, _CODE_IN_MARKDOWN.sub(_blank, text)))
        else:
            findings = list(self._check_prose(path, 1, text))
        return [finding for finding in findings if not self._is_allowed(finding)]

    def _check_python(self, path: str, text: str) -> Iterator[Finding]:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                yield from self._check_name(path, token.start[0], token.string)
            elif token.type in _PROSE_TOKENS:
                yield from self._check_prose(path, token.start[0], token.string)

    def _check_javascript(self, path: str, first_line: int, text: str) -> Iterator[Finding]:
        for match in _JS_TOKEN.finditer(text):
            line = first_line + text.count("\n", 0, match.start())
            if name := match["name"]:
                yield from self._check_name(path, line, name)
                continue
            yield from self._check_prose(path, line, match["prose"])
            if match["prose"].startswith("`"):
                for expression in _JS_EXPRESSION.finditer(match["prose"]):
                    yield from self._check_javascript(path, line, expression[1])

    def _check_name(self, path: str, line: int, name: str) -> Iterator[Finding]:
        if advice := self._names.get(name.strip("_")):
            yield Finding(path, line, name, advice)
            return
        for pattern, advice in self._name_patterns:
            if pattern.fullmatch(name):
                yield Finding(path, line, name, advice)
                return
        parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")
        for part in parts:
            if advice := self._parts.get(part):
                yield Finding(path, line, name, advice)
                return
        # Only the first finding: a second one would be about the same name.
        for finding in self._check_prose(path, line, " ".join(parts)):
            yield Finding(path, line, name, finding.advice)
            return

    def _check_prose(self, path: str, line: int, text: str) -> Iterator[Finding]:
        for pattern, advice in self._prose:
            for match in pattern.finditer(text):
                yield Finding(path, line + text.count("\n", 0, match.start()), match[0], advice)

    def _is_allowed(self, finding: Finding) -> bool:
        return any(
            fnmatch(finding.path, rule["path"]) and re.fullmatch(rule["word"], finding.word, re.IGNORECASE)
            for rule in self._allowed
        )


def _blank(match: re.Match[str]) -> str:
    """Return as many lines as the match has, empty, so that line numbers stay right."""
    return "\n" * match[0].count("\n")


def tracked_files() -> list[str]:
    """Return the files of the repository that are checked."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    paths = [Path(name) for name in listed.splitlines() if "/vendor/" not in name]
    return [str(path) for path in paths if path.suffix in SUFFIXES or path.name in TEXT_NAMES]


def main(paths: list[str]) -> int:
    """Print the findings and return the exit code."""
    words = WordList(tomllib.loads(WORDS.read_text(encoding="utf-8")))
    findings = [
        finding
        for path in paths or tracked_files()
        if Path(path).is_file()
        for finding in words.check(path, Path(path).read_text(encoding="utf-8"))
    ]
    for finding in findings:
        print(finding)  # noqa: T201
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
