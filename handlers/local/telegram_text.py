"""Telegram's reading of texts: HTML and given entities in, plain text with entities out.

Pure functions; refuses to know chats and requests. The HTML parser follows tdlib's `parse_html`
(td/telegram/MessageEntity.cpp), error texts and byte offsets included. Offsets and lengths of
entities count UTF-16 units.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from handlers.local.ledger import Json, Refused

MAX_RAW_BYTES = 32 * 1024
MAX_ENTITIES = 100

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}
ENTITY_TYPES = frozenset(TAGS.values()) | {
    "expandable_blockquote",
    "text_mention",
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
}
# Telegram knows all top domains; these are the ones that people meet.
TOP = "com|org|net|info|example|fr|eu|de|be|ch|uk|io|me|app|dev|ru|xyz|zip|mov|link|ly"
FOUND = re.compile(
    r"(?P<url>\b(?:https?|ftp|tg|ton)://[^\s<>]+"
    rf"|(?<![\w@.-])(?:[\w-]+\.)+(?:{TOP})\b(?![\w@-])(?:[/?#][^\s<>]*)?)"
    r"|(?P<email>\b[\w.+-]+@[\w-]+\.[\w.]*\w)"
    r"|(?<!\w)(?P<mention>@[A-Za-z]\w{3,31})"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?)(?![\w/])"
    r"|(?<!\w)(?P<hashtag>\#\w*[^\W\d_]\w*)"
    r"|(?<!\w)(?P<cashtag>\$[A-Z]{1,8})(?![\w$])"
)
CHARACTER_REFERENCE = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot));?")


def utf16(text: str) -> int:
    """The length of a text in UTF-16 units, as Telegram counts offsets."""
    return len(text.encode("utf-16-le")) // 2


def _cannot_parse(what: str) -> Refused:
    return Refused(f"Bad Request: can't parse entities: {what}")


@dataclass
class _Open:
    """A start tag waiting for its end."""

    tag: str
    attributes: dict[str, str]
    offset: int
    position: int


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Read a text in Telegram's HTML.

    Args:
        source: As sent with `parse_mode=HTML`.

    Returns:
        The plain text and its entities, by offset.

    Raises:
        Refused: `can't parse entities: …`, in Telegram's words.
    """
    out: list[str] = []
    entities: list[Json] = []
    nested: list[_Open] = []
    offset = position = 0
    while position < len(source):
        here = source[position]
        if here == "&" and (found := CHARACTER_REFERENCE.match(source, position)):
            text = _character(found)
            position = found.end()
        elif here != "<":
            text = here
            position += 1
        else:
            text = ""
            if source[position + 1 : position + 2] == "/":
                position = _end_tag(source, position, nested, entities, offset)
            else:
                position = _start_tag(source, position, nested, offset)
        out.append(text)
        offset += utf16(text)
    if nested:
        tag = nested[-1].tag
        raise _cannot_parse(f'Can\'t find end tag corresponding to start tag "{tag}"')
    return "".join(out), sorted(entities, key=lambda e: (e["offset"], -e["length"]))


def _character(found: re.Match[str]) -> str:
    decimal, hexadecimal, _ = found.groups()
    code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else None
    if code is not None and (code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000):
        return found.group()
    return html.unescape(found.group().rstrip(";") + ";")


def _byte(source: str, position: int) -> int:
    return len(source[:position].encode())


def _start_tag(source: str, begin: int, nested: list[_Open], offset: int) -> int:
    """Read `<tag attribute="…">`; the position after it."""
    at = _byte(source, begin)
    name_end = re.compile(r"[\s>]|$").search(source, begin + 1)
    end = name_end.start() if name_end is not None else len(source)
    if end == len(source):
        raise _cannot_parse(f"Unclosed start tag at byte offset {at}")
    tag = source[begin + 1 : end].lower()
    if tag not in TAGS:
        raise _cannot_parse(f'Unsupported start tag "{tag}" at byte offset {at}')
    attributes: dict[str, str] = {}
    position = end
    while True:
        while position < len(source) and source[position].isspace():
            position += 1
        if position == len(source):
            raise _cannot_parse(f'Unclosed start tag "{tag}" at byte offset {at}')
        if source[position] == ">":
            break
        position = _attribute(source, position, tag, at, attributes)
    _check_tag(tag, attributes, at)
    nested.append(_Open(tag, attributes, offset, begin))
    return position + 1


def _attribute(source: str, begin: int, tag: str, at: int, attributes: dict[str, str]) -> int:
    found = re.compile(r"[^\s=>]*").match(source, begin)
    name = found.group().lower() if found is not None else ""
    if not name:
        raise _cannot_parse(f'Empty attribute name in the tag "{tag}" at byte offset {at}')
    position = begin + len(name)
    if source[position : position + 1] != "=":
        attributes[name] = ""
        return position
    position += 1
    quote = source[position : position + 1]
    if quote in {'"', "'"}:
        end = source.find(quote, position + 1)
        if end < 0:
            raise _cannot_parse(f'Unclosed start tag "{tag}" at byte offset {at}')
        attributes[name] = html.unescape(source[position + 1 : end])
        return end + 1
    bare = re.compile(r"[A-Za-z0-9.\-]*").match(source, position)
    value = bare.group() if bare is not None else ""
    position += len(value)
    if position < len(source) and source[position] not in "> \t\n":
        where = _byte(source, position)
        raise _cannot_parse(f"Unexpected end of name token at byte offset {where}")
    attributes[name] = value.lower()
    return position


def _check_tag(tag: str, attributes: dict[str, str], at: int) -> None:
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise _cannot_parse(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if tag == "tg-emoji" and not attributes.get("emoji-id", "").isdigit():
        raise _cannot_parse("Invalid custom emoji identifier specified")


def _end_tag(
    source: str, begin: int, nested: list[_Open], entities: list[Json], offset: int
) -> int:
    """Read `</tag>`, add its entity; the position after it."""
    at = _byte(source, begin)
    if not nested:
        raise _cannot_parse(f"Unexpected end tag at byte offset {at}")
    found = re.compile(r"</([^\s>]*)\s*(>?)").match(source, begin)
    if found is None or not found.group(2):
        raise _cannot_parse(f"Unclosed end tag at byte offset {at}")
    start, name = nested.pop(), found.group(1).lower()
    if name not in ("", start.tag):
        raise _cannot_parse(
            f'Unmatched end tag at byte offset {at}, expected "</{start.tag}>", found "</{name}>"'
        )
    length = offset - start.offset
    if length > 0:
        entity = _entity(source[start.position : begin], start, length)
        if entity is not None:
            entities.append(entity)
    return found.end()


def _entity(inside: str, start: _Open, length: int) -> Json | None:
    entity: Json = {"type": TAGS[start.tag], "offset": start.offset, "length": length}
    if start.tag == "a":
        url = start.attributes.get("href") or re.sub(r"<[^>]*>", "", inside)
        if not re.match(r"(https?://|tg://|mailto:)\S|[\w-]+(\.[\w-]+)+(/|$)", url):
            return None  # Telegram drops a link it cannot read and keeps its text
        entity["url"] = url
    elif start.tag == "tg-emoji":
        entity["custom_emoji_id"] = start.attributes["emoji-id"]
    elif start.tag == "blockquote" and "expandable" in start.attributes:
        entity["type"] = "expandable_blockquote"
    return entity


def check_entities(entities: Any, text: str) -> list[Json]:
    """Check entities given instead of a parse mode.

    Args:
        entities: A list of MessageEntity objects.
        text: The text they belong to.

    Returns:
        The same, by offset.

    Raises:
        Refused: One does not fit the text.
    """
    if not isinstance(entities, list) or not all(isinstance(e, dict) for e in entities):
        raise Refused("Bad Request: can't parse entities: expected an Array")
    end = utf16(text)
    for entity in entities:
        if str(entity.get("type")) not in ENTITY_TYPES:
            raise Refused("Bad Request: can't parse MessageEntity: Unsupported type specified")
        offset, length = entity.get("offset", 0), entity.get("length", 0)
        if offset < 0 or length < 0:
            wrong = "offset" if offset < 0 else "length"
            value = offset if offset < 0 else length
            raise Refused(f"Bad Request: receive an entity with incorrect {wrong} {value}")
        if offset > end:
            what = f"entity begins after the end of the text at UTF-16 offset {offset}"
            raise Refused(f"Bad Request: {what}")
        if offset + length > end:
            what = f"entity beginning at UTF-16 offset {offset} ends after the end of the text"
            raise Refused(f"Bad Request: {what} at UTF-16 offset {offset + length}")
        if entity["type"] == "text_link" and "url" not in entity:
            raise Refused("Bad Request: can't parse MessageEntity: Can't find field \"url\"")
    return sorted(entities, key=lambda e: (e["offset"], -e["length"]))


def found_entities(text: str, given: Iterable[Json] = ()) -> list[Json]:
    """What Telegram itself recognises in a text: addresses, @mentions, /commands, #tags.

    Args:
        text: Plain text.
        given: Entities already known; nothing is searched inside code, pre and links.

    Returns:
        The further entities, by offset.
    """
    closed = [
        (e["offset"], e["offset"] + e["length"])
        for e in given
        if e["type"] in {"code", "pre", "text_link", "text_mention"}
    ]
    out = []
    for hit in FOUND.finditer(text):
        offset, length = utf16(text[: hit.start()]), utf16(hit.group())
        if not any(start < offset + length and offset < end for start, end in closed):
            out.append({"type": hit.lastgroup, "offset": offset, "length": length})
    return out


def read_text(arguments: Json, name: str, entities_name: str, most: int) -> tuple[str, list[Json]]:
    """The text of a call, parsed, trimmed and checked.

    Args:
        arguments: The call's.
        name: `text` or `caption`.
        entities_name: `entities` or `caption_entities`.
        most: The most characters after parsing.

    Returns:
        The text and all its entities.

    Raises:
        Refused: Empty, too long, or not to be parsed.
    """
    raw = str(arguments.get(name) or "")
    mode = str(arguments.get("parse_mode") or "").lower()
    if len(raw.encode()) > MAX_RAW_BYTES:
        raise Refused(f"Bad Request: {_what(name)} is too long")
    if mode == "html":
        text, entities = parse_html(raw)
    elif mode in {"markdown", "markdownv2"}:
        raise Refused("Bad Request: Markdown is not read by this local server")
    elif mode:
        raise Refused("Bad Request: unsupported parse_mode")
    else:
        text, entities = raw, check_entities(arguments.get(entities_name) or [], raw)
    lead = utf16(text) - utf16(text.lstrip())
    trimmed = text.strip()
    end = utf16(trimmed)
    kept = []
    for entity in entities:
        first = max(0, entity["offset"] - lead)
        last = min(end, entity["offset"] + entity["length"] - lead)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    if len(trimmed) > most:
        raise Refused(f"Bad Request: {_what(name)} is too long")
    if len(kept) > MAX_ENTITIES:
        raise Refused("Bad Request: too many entities")
    every = kept + found_entities(trimmed, kept)
    return trimmed, sorted(every, key=lambda e: (e["offset"], -e["length"]))


def _what(name: str) -> str:
    return "message" if name == "text" else "message caption"
