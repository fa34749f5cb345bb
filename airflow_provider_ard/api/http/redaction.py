"""Redact secrets in text from the API and from libraries, in every encoding that they may use."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_ard.api.errors import ArdError

# As `html.escape` does; the module `html` takes 0.35 MB of each process that polls.
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
# Query parameters with secret values. They are redacted in any text, also if it is truncated or encoded again.
_PARAMETERS = (
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-security-token",
    "x-goog-signature",
    "access_token",
    "refresh_token",
    "client_secret",
    "password",
)
# Patterns are compiled when first used: a DAG file that uses none loads this module as well.
# Not preceded by a letter, so that names that merely end in `sig` do not match. `=` may be encoded.
_PARAMETER = (
    rf"(?i)(?<![a-z])((?:{'|'.join(_PARAMETERS)})(?:=|%(?:25)*3D|\\+u003d))(?!\*\*\*)"
    r"[^&\s\"'<>\\]+?(?=%(?:25)*26|[&\s\"'<>\\]|$)"
)
_JWT = r"()\beyJ[\w-]{8,}\.eyJ[\w-]+\.[\w-]+"
_SPACE = r"(?:\s|\+|%(?:25)*20)"
_PRIVATE_KEY = rf"(?s)(-----BEGIN{_SPACE}(?:[A-Z]+{_SPACE})*PRIVATE{_SPACE}KEY-----)(?!\*\*\*).*?(?=-----END|\Z)"
# Secrets of any text, each with the strings of which one is in every match: an AOI of a megabyte is searched for these
# first.
_SECRETS = (
    (("=", "%", "u003"), _PARAMETER),
    (("eyJ",), _JWT),
    (("PRIVATE",), _PRIVATE_KEY),
)
_HEADER = r"(?i)\b((?:bearer|basic) +)[a-z0-9._~+/-]{8,}=*"
# Headers of signed requests, as AWS libraries log them.
_AWS_HEADER = r"(?i)(x-amz-security-token['\"]?: *(?:b?['\"]|(?!b['\"]))|, signature=)[a-z0-9+/=%._-]+"
# Fields of login responses.
_FIELD = (
    r"(?i)(\\*['\"](?:access_?token|refresh_?token|client_?secret|password|secret_?access_?key|session_?token)"
    r"\\*['\"]\s*:\s*\\*['\"]|<(?:SecretAccessKey|SessionToken)>)[^'\"<\\]+"
)
# Such as that of a proxy in the environment.
_USER_INFO = r"(://[^/@\s:]*:)(?!\*\*\*@)[^/\s'\"<>]+(?=@)"
# Only in responses: in the text of a user they may be something else.
_RESPONSE_SECRETS = (_HEADER, _AWS_HEADER, _FIELD, _USER_INFO)
# Text in base64, such as the key of a service account: also as lines, as a part, or encoded again for JSON or a URL.
_ENCODED_PLUS = r"%(?:25)*2[bB]|\\+u002[bB]"
_ENCODED_SLASH = r"%(?:25)*2[fF]|\\+u002[fF]|\\+/"
_ENCODED_OTHER = r"%(?:25)*(?:3[dD]|0[aA]|0[dD])|\\+u003[dD]|\\+[nr]|[\s=]"
_BASE64 = (
    r"(?<![A-Za-z0-9+/_-])"
    rf"(?:[A-Za-z0-9+/_-]{{20,}}(?:{_ENCODED_PLUS}|{_ENCODED_SLASH}|{_ENCODED_OTHER})*)+[A-Za-z0-9+/_-]*"
)
_SHORTEST_BASE64 = 60
# Lines of a private key, of which the text may contain a part. A hash has 64 digits.
_KEY_LINES = r"(?:[A-Za-z0-9+/=]|\\+[nr]|[\r\n]){80,}"
_TEMPLATE = r"(?s)\{\{.*?\}\}|\{%.*?%\}"
# Shorter texts cannot contain a signed URL.
_SHORTEST_SIGNED = 24
# Shorter values are not redacted: they would also match ordinary words.
_SHORTEST = 4


def redact_error(error: ArdError, secrets: Iterable[str]) -> None:
    """Replace these secrets, and any signature, in the message and fields of an error, in place."""
    for name in ("message", "code", "type", "request_id"):
        value = getattr(error, name)
        if isinstance(value, str):
            setattr(error, name, redact_text(value, secrets))
    error.args = (error.message,)


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text with these secrets, and any signature of a URL or header, replaced by `***`."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = _pattern(secret).sub("***", text)
    for pattern in (*_patterns_for(text), *_RESPONSE_SECRETS):
        text = re.sub(pattern, r"\1***", text)
    return re.sub(_BASE64, lambda encoded: "***" if _encodes_secret(encoded[0]) else encoded[0], text)


def redact_values(value: Any) -> Any:
    """Return a JSON value with the signatures, tokens and keys in its strings replaced by `***`."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: redact_values(item) for key, item in value.items()}
    return [redact_values(item) for item in value] if isinstance(value, list) else value


def contains_secret(text: str) -> bool:
    """Return whether a text contains a signature, token or private key, also in base64. A template is none.

    `redact_text` replaces what this finds.
    """
    if len(text) < _SHORTEST_SIGNED:
        return False
    text = without_templates(text)
    return any(re.search(pattern, text) for pattern in _patterns_for(text)) or any(
        _encodes_secret(encoded[0]) for encoded in re.finditer(_BASE64, text)
    )


def _patterns_for(text: str) -> list[str]:
    """Return the patterns of the secrets that a text may contain."""
    return [pattern for markers, pattern in _SECRETS if any(marker in text for marker in markers)]


def without_templates(text: str) -> str:
    """Return a text without its Jinja expressions and statements."""
    return re.sub(_TEMPLATE, "", text) if "{" in text else text


def _encodes_secret(encoded: str) -> bool:
    """Return whether text in base64, or a part of it, contains a secret."""
    if re.fullmatch("[0-9A-Fa-f]+", encoded):
        # A hash, or an AOI as WKB, which may have megabytes.
        return False
    for pattern, replacement in ((_ENCODED_PLUS, "+"), (_ENCODED_SLASH, "/"), (_ENCODED_OTHER, "")):
        encoded = re.sub(pattern, replacement, encoded)
    encoded = encoded.replace("-", "+").replace("_", "/")
    if len(encoded) < _SHORTEST_BASE64:
        return False
    # A part may begin at any of the four characters that encode three bytes.
    for start in range(4):
        length = (len(encoded) - start) // 4 * 4
        decoded = base64.b64decode(encoded[start : start + length])
        for text in re.findall(rb"[\t\n\r -~]{%d,}" % _SHORTEST_SIGNED, decoded):
            if _is_secret(text.decode("ascii")):
                return True
    return False


def _is_secret(decoded: str) -> bool:
    return (
        '"private_key"' in decoded
        or "PRIVATE KEY-----" in decoded
        or contains_secret(decoded)
        or re.search(_KEY_LINES, decoded) is not None
    )


def encodings(secret: str) -> Iterator[str]:
    """Yield a secret raw, URL-encoded, JSON-escaped and in base64 at each of the three offsets."""
    if len(secret) < _SHORTEST:
        return
    yield from _text_forms(secret)
    for core in _base64_cores(secret):
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _text_forms(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern of a secret in any encoding, also one that encodes more or fewer characters than Python does."""
    # A form or JSON body may be repeated in base64 as a whole.
    cores = {core for form in _text_forms(secret) for core in _base64_cores(form)}
    # The characters around a core contain bits of the secret as well.
    encoded = [
        rf"[\w+/-]?{''.join(map(_base64_character, core))}[\w+/-]?(?i:=|%(?:25)*3d)*"
        for core in sorted(cores, key=len, reverse=True)
    ]
    return re.compile("|".join(["".join(map(_character, secret)), *encoded]))


def _character(character: str) -> str:
    """Return a pattern of one character: raw, percent-encoded, escaped for JSON, HTML or as Python's repr."""
    if character.isascii() and character.isalnum():
        return character
    forms = {character, _HTML.get(character, character), json.dumps(character)[1:-1], repr(character)[1:-1]}
    patterns = {re.escape(form) for form in forms}
    patterns.add(rf"(?i:&#(?:0*{ord(character)}|x0*{ord(character):x});)")
    for codec in ("utf-8", "latin-1"):
        raw = character.encode(codec, errors="ignore")
        # Encoded twice, `%` is `%25`.
        patterns.add("".join(rf"(?i:%(?:25)*{byte:02x})" for byte in raw))
        patterns.add("".join(rf"(?i:\\+x{byte:02x})" for byte in raw))
    if character == " ":
        patterns.add(r"\+")
    # JSON inside of JSON escapes the escape.
    if character in "\"'/\\":
        patterns.add(r"\\+" + re.escape(character))
    if character in "\n\r\t":
        patterns.add(r"\\+" + repr(character)[2])
    patterns.discard("")
    return f"(?:{'|'.join(sorted(patterns, key=len, reverse=True))})"


def _base64_character(character: str) -> str:
    if character.isalnum():
        return character
    return r"(?i:[+-]|%(?:25)*2b)" if character == "+" else r"(?i:\\?/|_|%(?:25)*2f)"


def _base64_cores(secret: str) -> Iterator[str]:
    """Yield what a secret determines of its base64 form at each place of a group of three bytes.

    Inside of a longer text, such as `user:password`, it may begin at any of them.
    """
    raw = secret.encode(errors="surrogateescape")
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        core = encoded[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6].decode()
        if len(core) > _SHORTEST:
            yield core
