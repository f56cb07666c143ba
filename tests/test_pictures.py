"""Pictures: real ones, of their size and of several colours, the same bytes each time."""

from __future__ import annotations

import io

import pytest

from bot import pictures
from bot.pictures import WIDE, Bar, Bars, Cloud, Panel, Panels, draw

pytestmark = pytest.mark.skipif(not pictures.available(), reason="missing: the extra graphiques")

YEARS = [
    Bar("2017\nX16", 112), Bar("2018\nX17", 143), Bar("2019\nX18", 124),
    Bar("2020\nX19", 142), Bar("2021\nX20", 190, 240),
]  # fmt: skip
WORDS = {
    "stage": 71, "recherche": 43, "énergie": 33, "entreprise": 27, "start-up": 23, "carrière": 20,
    "IA": 18, "données": 17, "industrie": 15, "international": 14, "conseil": 13, "finance": 12,
    "orientation": 11, "études": 11, "thèse": 10, "écologie": 9, "œuvre": 8, "santé": 8,
    "entrepreneuriat": 7, "été": 7, "confiance": 6, "Grenoble": 5, "mathématiques": 4, "mer": 3,
}  # fmt: skip


def bars(*some: Bar) -> Bars:
    return Bars("Année par année", "Mentorat", some, "Binômes", "Volontaires", "Année")


def cloud(words: dict[str, int]) -> Cloud:
    return Cloud("Les mots", "Campagne 2026, 190 candidatures", words)


def seen(png: bytes) -> tuple[tuple[int, int], dict[tuple[int, int, int], int]]:
    """Size, and how many pixels of each colour."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        assert "Software" not in image.info
        plain = image.convert("RGB")
        counted = plain.getcolors(plain.width * plain.height)
    return plain.size, {_three(colour): n for n, colour in counted or ()}


def _three(colour: object) -> tuple[int, int, int]:
    assert isinstance(colour, tuple)
    red, green, blue = colour
    return red, green, blue


def rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


@pytest.mark.parametrize(
    "picture", [bars(*YEARS), cloud(WORDS), cloud({"seul": 3}), cloud(dict.fromkeys(WORDS, 3))]
)
def test_a_picture_is_one_and_the_same_each_time(picture: Bars | Cloud) -> None:
    png = draw(picture)
    (wide, high), colours = seen(png)
    assert wide == WIDE
    assert 300 <= high <= pictures.HIGH
    assert len(colours) > 20  # letters have soft edges
    assert colours[255, 255, 255] > wide * high / 5
    assert 5_000 < len(png) < 400_000
    assert draw(picture) == png


def test_bars_are_as_high_as_their_figures() -> None:
    one, two, more = (
        seen(draw(bars(Bar("2020", 100), bar)))[1]
        for bar in (Bar("2021", 100), Bar("2021", 50), Bar("2021", 50, 100))
    )
    deep, pale = rgb(pictures._DEEP), rgb(pictures._PALE)
    assert one[deep] == pytest.approx(2 / 1.5 * two[deep], rel=0.02)
    assert more[deep] == pytest.approx(two[deep], rel=0.1)  # figures stand in it now
    assert more[pale] == pytest.approx(two[deep] / 3, rel=0.1)


def test_as_many_people_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for is what the layout gave, whichever word came first."""
    from wordcloud import WordCloud

    made: list[WordCloud] = []
    real = WordCloud.to_array

    def seen_by_us(cloud: WordCloud) -> object:
        made.append(cloud)
        return real(cloud)

    monkeypatch.setattr(WordCloud, "to_array", seen_by_us)
    for words in (WORDS, dict.fromkeys(WORDS, 3), {"un": 3, "deux": 3, "trois": 9}):
        draw(cloud(words))
        sizes = {entry[0][0]: entry[1] for entry in made[-1].layout_}
        assert sizes.keys() == words.keys()
        for one, n in words.items():
            for other, m in words.items():
                assert sizes[one] >= sizes[other] - 2 or n < m
        assert min(sizes.values()) >= pictures._SMALLEST - 2  # to be read on a phone


def test_what_has_no_letters_is_left_out() -> None:
    plain, with_more = (draw(cloud(words)) for words in ({"mer": 3}, {"mer": 3, "海": 3}))
    assert plain == with_more
    assert draw(bars(Bar("2026 🚀", 3))) == draw(bars(Bar("2026 ", 3)))
    assert seen(draw(cloud({"海": 3})))[0][0] == WIDE


@pytest.mark.parametrize("pairs", [0, 1, 9, 99_999])
@pytest.mark.parametrize("volunteers", [None, 0, 7, 100_000])
def test_any_figures_can_be_drawn(pairs: int, volunteers: int | None) -> None:
    many = [Bar(f"{year}\nX{year - 2001}", pairs, volunteers) for year in range(2015, 2030)]
    for some in (many, many[:1]):
        assert seen(draw(bars(*some)))[0] == (WIDE, pictures.HIGH)


def test_lists_are_as_long_as_their_figures() -> None:
    def deep(*bars: tuple[str, int]) -> int:
        size, colours = seen(draw(Panels("Titre", "2026", [Panel("Par mois", bars)])))
        assert size[0] == WIDE
        return colours[0x1F, 0x55, 0x82]

    assert deep(("a", 10), ("b", 5)) == pytest.approx(1.5 * deep(("a", 10)), rel=0.05)
    assert deep(("$x$ <b>", 3), ("é😀", 3)) > 0
    assert draw(Panels("T", "s", [Panel("p", [("a", 1)])])) == draw(
        Panels("T", "s", [Panel("p", [("a", 1)])])
    )
