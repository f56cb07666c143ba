"""Pictures for the chat: bars by year, a cloud of words, lists of bars; PNG.

The same bytes for the same input. Needs the extra `graphiques` (matplotlib, wordcloud), imported
when first used; without it there is none, and tables say it all. Drawing takes a moment: never do
it in a turn (`bot.aside`). What the figures mean, and who may see them, this module does not know;
its words are given to it.

Source: X-09, X-10, A-26. Sizes are made for a phone, which shows a picture a third as wide as it
is.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Final

NEEDS: Final = ("matplotlib", "wordcloud")
WIDE: Final = 1080
HIGH: Final = 1080
YEARS: Final = 8
"""Bars that fit; earlier years are in the table."""

_DPI: Final = 72  # a point is a pixel
_INK, _SOFT, _RULE, _DEEP, _PALE = "#1d2733", "#52606d", "#d9dfe5", "#1f5582", "#b5cfe6"
_SHADES: Final = ("#14406b", "#1f5582", "#3a6d96", "#52718c")  # on white 4.5:1 and more
_TITLE, _LETTERS, _SMALL = 48, 38, 33
_EDGE: Final = 50
_LEAST: Final = 200  # high
_HEAD: Final = 150  # title and what stands under it
_SMALLEST, _LARGEST = 32, 190  # of the cloud's letters
_NARROW: Final = 0.66  # a letter's width at most, of its size, taken over a word
_TRIES: Final = 4  # at a size, with other places
_FULL: Final = 0.7  # of the cloud's space that letters may take at the first try


@dataclass(frozen=True, slots=True)
class Bar:
    """One year: what stands under it, its two counts."""

    label: str
    pairs: int
    volunteers: int | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """A series of years, oldest first, and the words of its picture."""

    title: str
    subtitle: str
    bars: Sequence[Bar]
    pairs: str
    volunteers: str
    below: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """Words with how many people used them, and the words of its picture."""

    title: str
    subtitle: str
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Panel:
    """Figures of one kind: what each is of, and how many; the longest bar is the most."""

    title: str
    bars: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Panels:
    """Several kinds of figures, one below the other."""

    title: str
    subtitle: str
    panels: Sequence[Panel]


def available() -> bool:
    """Whether the extra is installed."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDS)


def draw(picture: Bars | Cloud | Panels) -> bytes:
    """A PNG, `WIDE` pixels wide and `HIGH` high; a cloud of few words is less, panels as needed."""
    match picture:
        case Bars():
            figure = _bars(picture)
        case Cloud():
            figure = _cloud(picture)
        case Panels():
            figure = _panels(picture)
    out = io.BytesIO()
    figure.canvas.print_png(out, metadata={"Software": None})
    return out.getvalue()


# --- letters --------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _letters() -> tuple[str, frozenset[int]]:
    """The file of the letters that come with matplotlib, and the characters it has."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    path = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
    return path, frozenset(FT2Font(path).get_charmap())


def _drawable(text: str) -> str:
    """The text without what these letters cannot show, as an emoji."""
    known = _letters()[1]
    return "".join(c for c in text if c == "\n" or ord(c) in known)


def _fitting(texts: Iterable[str], room: float, most: float) -> float:
    """The size at which the longest line takes this room at most."""
    longest = max((len(line) for text in texts for line in text.split("\n")), default=0)
    return min(most, room / max(1.0, _NARROW * longest))


def _figure(title: str, subtitle: str, high: int = HIGH) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE / _DPI, high / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _write(figure, _EDGE, high - 44, title, _TITLE, weight="bold", va="top")
    _write(figure, _EDGE, high - 108, subtitle, _SMALL, color=_SOFT, va="top")
    return figure


def _write(figure: Any, x: float, y: float, text: str, size: float, **how: Any) -> None:
    """A line at a place in pixels from the lower left, smaller when it would not fit."""
    text = _drawable(text)
    room = (WIDE - 2 * _EDGE) if how.get("ha") == "center" else WIDE - x - _EDGE
    high = figure.get_figheight() * _DPI
    figure.text(
        x / WIDE, y / high, text, fontsize=_fitting([text], room, size), family="DejaVu Sans",
        parse_math=False, **{"color": _INK, **how},
    )  # fmt: skip


# --- bars -----------------------------------------------------------------------------------------


def _bars(picture: Bars) -> Any:
    """The pairs of each year in one bar, what its volunteers are more than these pale above."""
    shown = picture.bars[-YEARS:]
    both = any(bar.volunteers is not None for bar in shown)
    figure = _figure(picture.title, picture.subtitle)
    low, room, head = 205, WIDE - 2 * _EDGE, _HEAD + 70
    axes = figure.add_axes(
        (_EDGE / WIDE, low / HIGH, room / WIDE, (HIGH - low - head) / HIGH), frameon=False
    )
    top = max(1, *(max(bar.pairs, bar.volunteers or 0) for bar in shown))
    width = 0.86 * min(1.0, 0.25 * len(shown))  # a single bar is no wall
    slot = room / len(shown) * width
    places = range(len(shown))
    axes.bar(places, [bar.volunteers or 0 for bar in shown], width, color=_PALE)
    axes.bar(places, [bar.pairs for bar in shown], width, color=_DEEP)
    axes.axhline(0, color=_RULE, linewidth=3)
    figures = [str(n) for bar in shown for n in (bar.pairs, bar.volunteers or 0)]
    font: dict[str, Any] = {"fontsize": _fitting(figures, slot, _LETTERS), "ha": "center",
            "textcoords": "offset points", "family": "DejaVu Sans"}  # fmt: skip
    for place, bar in enumerate(shown):
        inside = both and bar.pairs > top / 8
        axes.annotate(
            str(bar.pairs), (place, bar.pairs), xytext=(0, -10 if inside else 6),
            va="top" if inside else "bottom", color="white" if inside else _INK, weight="bold",
            **font,
        )  # fmt: skip
        if bar.volunteers is not None:
            clear = not inside and bar.volunteers < bar.pairs + top / 8
            axes.annotate(
                str(bar.volunteers), (place, max(bar.volunteers, bar.pairs)),
                xytext=(0, 12 + font["fontsize"] if clear else 6), va="bottom", color=_SOFT, **font,
            )  # fmt: skip
    axes.set_xlim(-0.5, len(shown) - 0.5)
    axes.set_ylim(0, top * 1.15)
    labels = [_drawable(bar.label) for bar in shown]
    axes.set_xticks(
        list(places), labels, color=_INK, family="DejaVu Sans", parse_math=False,
        fontsize=_fitting(labels, room / len(shown) * 0.92, _LETTERS),
    )  # fmt: skip
    axes.set_yticks([])
    axes.tick_params(length=0, pad=12)
    _write(figure, WIDE / 2, 34, picture.below, _SMALL, color=_SOFT, ha="center", va="bottom")
    _legend(figure, [(_DEEP, picture.pairs), (_PALE, picture.volunteers)][: 1 + both])
    return figure


def _legend(figure: Any, entries: Sequence[tuple[str, str]]) -> None:
    from matplotlib.patches import Rectangle

    across = 0
    for colour, text in entries:
        x, y = _EDGE + across, HIGH - _HEAD - 50
        figure.add_artist(
            Rectangle((x / WIDE, y / HIGH), 30 / WIDE, 30 / HIGH, color=colour,
                      transform=figure.transFigure)
        )  # fmt: skip
        _write(figure, x + 44, y + 15, text, _SMALL, va="center_baseline")
        across += WIDE // 2 - _EDGE


# --- lists ----------------------------------------------------------------------------------------

_ROW: Final = 58  # of a list, in pixels
_LABELS: Final = 0.45  # of the width, for what a bar is of


def _panels(picture: Panels) -> Any:
    """Each figure on a line of its own: what it is of, a bar, and how many."""
    from matplotlib.patches import Rectangle

    lines = sum(len(panel.bars) + 1.6 for panel in picture.panels)
    high = int(_HEAD + lines * _ROW + _EDGE)
    figure = _figure(picture.title, picture.subtitle, high)
    begin = _EDGE + _LABELS * (WIDE - 2 * _EDGE)
    room = WIDE - begin - _EDGE - 110  # the number stands behind the bar
    below: float = high - _HEAD
    for panel in picture.panels:
        below -= _ROW
        _write(figure, _EDGE, below + 12, panel.title, _SMALL, weight="bold", va="baseline")
        most = max(1, *(count for _, count in panel.bars)) if panel.bars else 1
        for label, count in panel.bars:
            below -= _ROW
            text = _drawable(label)
            figure.text(
                _EDGE / WIDE, (below + _ROW / 2) / high, text, va="center", color=_INK,
                fontsize=_fitting([text], begin - _EDGE - 20, _SMALL), family="DejaVu Sans",
                parse_math=False,
            )  # fmt: skip
            wide = room * count / most
            figure.add_artist(
                Rectangle((begin / WIDE, (below + 10) / high), wide / WIDE, (_ROW - 20) / high,
                          color=_DEEP, transform=figure.transFigure)
            )  # fmt: skip
            _write(figure, begin + wide + 16, below + _ROW / 2, str(count), _SMALL, va="center")
        below -= 0.6 * _ROW
    return figure


# --- words ----------------------------------------------------------------------------------------


def _cloud(picture: Cloud) -> Any:
    """The words, all upright, larger and darker the more people used them."""
    people = {word: n for word, n in picture.words.items() if word == _drawable(word)}
    wide, most = WIDE - 2 * _EDGE, HIGH - _HEAD - _EDGE
    largest = _LARGEST
    while largest > _SMALLEST and not _may_fit(_sizes(people, largest), wide, most):
        largest -= 4
    high = min(most, max(_LEAST, int(_space(_sizes(people, largest)) / _FULL / wide)))
    figure = _figure(picture.title, picture.subtitle, high + _HEAD + _EDGE)
    if people:
        figure.figimage(_placed(people, largest, wide, high), _EDGE, _EDGE / 2)
    return figure


def _sizes(people: Mapping[str, int], largest: int) -> dict[str, int]:
    """Letters of each word, in pixels: as many people, as large."""
    most, least = max(people.values(), default=1), min(people.values(), default=1)
    smallest = min(_SMALLEST, largest)
    found = {}
    for word, n in people.items():
        share = 1.0 if most == least else ((n - least) / (most - least)) ** 0.6
        found[word] = round(smallest + share * (largest - smallest))
    return found


def _space(sizes: Mapping[str, int]) -> float:
    """Square pixels that words take, about."""
    return sum(0.6 * len(word) * size * 1.15 * size for word, size in sizes.items())


def _may_fit(sizes: Mapping[str, int], wide: int, high: int) -> bool:
    across = max((_NARROW * len(word) * size for word, size in sizes.items()), default=0)
    return across <= wide and _space(sizes) <= _FULL * wide * high


def _placed(people: Mapping[str, int], largest: int, wide: int, high: int) -> Any:
    """The words in their places: smaller, all of them, until none has to give way."""
    from wordcloud import WordCloud

    most = max(people.values())

    def colour(word: str, **_: Any) -> str:
        return _SHADES[min(len(_SHADES) - 1, int(len(_SHADES) * (1 - people[word] / most)))]

    while True:
        sizes = _sizes(people, largest)
        for seed in range(_TRIES):
            cloud = WordCloud(
                font_path=_letters()[0], width=wide, height=high, margin=20,
                background_color="white", color_func=colour, prefer_horizontal=1.0,
                relative_scaling=1.0, max_words=len(people), max_font_size=max(sizes.values()),
                min_font_size=min(sizes.values()) // 2, random_state=Random(seed),
            ).generate_from_frequencies(sizes)  # fmt: skip
            given = {entry[0][0]: entry[1] for entry in cloud.layout_}
            if all(abs(given.get(word, 0) - size) <= 1 for word, size in sizes.items()):
                return cloud.to_array()
        if largest <= _SMALLEST:
            return cloud.to_array()
        largest = max(_SMALLEST, int(largest * 0.95))
