"""What a company's browser is given: one page to come in by, one with the table, both small.

Everything that stands in them is escaped here and nowhere else; they ask for no file, of ours or
anybody's. This module does not know who may see what: it draws what it is handed.

Source: E-13, S6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Final

from bot.i18n import LANGUAGES, Words
from handlers.headers import content_policy

ENTER: Final = "/partner"
VIEW: Final = "/partner/view"
LEAVE: Final = "/partner/leave"
_BESIDE: Final = files("handlers") / "partner"
STYLE: Final = (_BESIDE / "page.css").read_text("utf-8")
SCRIPT: Final = (_BESIDE / "page.js").read_text("utf-8")
POLICY: Final = content_policy(style=STYLE, script=SCRIPT, forms=True)
"""The content policy of every page of this module."""
_NAMES: Final = {"fr": "Français", "en": "English"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a company is shown of a programme's people.

    Attributes:
        company: Its name.
        programme: The programme's name.
        columns: What the columns are called.
        rows: As many texts as columns; an empty one is not shown.
        people: How many people there are on all pages.
        page: Which page this is, from 1.
        pages: How many there are.
        team: Whom to write to about somebody.
    """

    company: str
    programme: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    people: int
    page: int
    pages: int
    team: str


def door(w: Words, said: str = "") -> str:
    """The page to come in by.

    Args:
        w: The words.
        said: A sentence above the form: why it does not open.
    """
    refused = f'<p class="refused" role="alert">{escape(said)}</p>' if said else ""
    body = (
        f"<h1>{escape(w('company-page-title'))}</h1>{_language(w, ENTER)}</header><main>{refused}"
        f'<form id="enter" method="post" action="{_address(ENTER, w)}"'
        f' data-view="{_address(VIEW, w)}">'
        f'<label for="code">{escape(w("company-page-code"))}</label>'
        '<input id="code" name="code" autocomplete="off" autocapitalize="none"'
        ' spellcheck="false" required maxlength="300" aria-describedby="how">'
        f'<p class="hint" id="how">{escape(w("company-page-how"))}</p>'
        f"<button>{escape(w('company-page-open'))}</button></form></main>"
    )
    return _page(w, w("company-page-title"), body, "small", script=True)


def table(w: Words, drawn: Drawn) -> str:
    """The page with the people."""
    heads = "".join(f'<th scope="col" role="columnheader">{escape(c)}</th>' for c in drawn.columns)
    rows = "".join(f'<tr role="row">{_cells(w, drawn, row)}</tr>' for row in drawn.rows)
    title = escape(w("company-page-about", programme=drawn.programme))
    n = drawn.people
    how_many = w("company-page-people", n=n) if n else w("company-page-nobody")
    body = (
        f"<p>{title}</p><h1>{escape(drawn.company)}</h1>{_language(w, VIEW)}</header><main>"
        f"<p>{escape(how_many)}</p>"
    )
    if drawn.rows:
        body += (
            f'<table role="table" aria-label="{title}"><thead role="rowgroup"><tr role="row">'
            f'{heads}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>{_pages(w, drawn)}'
        )
    body += (
        f"</main><footer><p>{escape(w('company-page-terms', team=drawn.team))}</p>"
        f"<p>{escape(w('company-page-closes'))}</p>"
        f'<form method="post" action="{_address(LEAVE, w)}">'
        f'<button class="quiet">{escape(w("company-page-leave"))}</button></form></footer>'
    )
    return _page(w, drawn.company, body, "wide")


def _cells(w: Words, drawn: Drawn, row: Sequence[str]) -> str:
    blank = escape(w("company-page-blank"))
    cells = []
    for at, (label, text) in enumerate(zip(drawn.columns, row, strict=True)):
        tag, role = ('th scope="row"', "rowheader") if at == 0 else ("td", "cell")
        # dir=auto: what was written from right to left must not turn the rest of the page round.
        shown = f' data-label="{escape(label)}" dir="auto">{escape(text)}'
        none = f' class="none"><span role="img" aria-label="{blank}">–</span>'
        cells.append(f'<{tag} role="{role}"{shown if text else none}</{tag[:2]}>')
    return "".join(cells)


def _pages(w: Words, drawn: Drawn) -> str:
    if drawn.pages < 2:
        return ""
    said = escape(w("company-page-of", page=drawn.page, pages=drawn.pages))
    links = "".join(
        f'<a href="{_address(VIEW, w)}&amp;page={number}">{escape(text)}</a>'
        for number, text in (
            (drawn.page - 1, w("company-page-before")),
            (drawn.page + 1, w("company-page-after")),
        )
        if 1 <= number <= drawn.pages
    )
    return f"<nav><span>{said}</span>{links}</nav>"


def _language(w: Words, path: str) -> str:
    other = next(lang for lang in LANGUAGES if lang != w.lang)
    return (
        f'<a class="language" href="{path}?lang={other}" lang="{other}" hreflang="{other}">'
        f"{_NAMES[other]}</a>"
    )


def _address(path: str, w: Words) -> str:
    return f"{path}?lang={w.lang}"


def _page(w: Words, title: str, body: str, width: str, *, script: bool = False) -> str:
    end = f"<script>{SCRIPT}</script>" if script else ""
    return (
        f'<!doctype html><html lang="{w.lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} – Cordée</title><link rel="icon" href="data:,">'
        f'<style>{STYLE}</style></head><body><div class="{width}"><header>{body}</div>{end}'
        "</body></html>"
    )
