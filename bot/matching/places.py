"""Countries and their regions, languages and their codes: the words people use for places.

A small table by hand, French first, English and usual names after a slash. It refuses to know
who lives where.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from bot.matching.text import fold

_REGIONS = """
Europe du Nord: Danemark/Denmark, Norvège/Norway, Suède/Sweden, Finlande/Finland, Islande/Iceland,
    Estonie/Estonia, Lettonie/Latvia, Lituanie/Lithuania
Europe de l'Ouest: France, Allemagne/Germany, Belgique/Belgium, Suisse/Switzerland, Luxembourg,
    Pays-Bas/Netherlands/Hollande, Autriche/Austria, Liechtenstein, Monaco, Irlande/Ireland,
    Royaume-Uni/United Kingdom/UK/Angleterre/England/Grande-Bretagne/Écosse/Scotland/Pays de Galles
Europe du Sud: Italie/Italy, Espagne/Spain, Portugal, Grèce/Greece, Malte/Malta, Chypre/Cyprus,
    Andorre/Andorra, Saint-Marin/San Marino, Croatie/Croatia, Slovénie/Slovenia, Albanie/Albania,
    Serbie/Serbia, Monténégro/Montenegro, Bosnie-Herzégovine/Bosnia/Bosnie, Kosovo,
    Macédoine du Nord/North Macedonia
Europe de l'Est: Pologne/Poland, République tchèque/Czech Republic/Tchéquie/Czechia,
    Slovaquie/Slovakia, Hongrie/Hungary, Roumanie/Romania, Bulgarie/Bulgaria, Moldavie/Moldova,
    Ukraine, Biélorussie/Belarus, Russie/Russia
Maghreb: Maroc/Morocco, Algérie/Algeria, Tunisie/Tunisia, Libye/Libya, Mauritanie/Mauritania
Afrique de l'Ouest: Sénégal, Côte d'Ivoire/Ivory Coast, Mali, Burkina Faso, Niger, Nigeria, Ghana,
    Bénin, Togo, Guinée/Guinea, Guinée-Bissau, Sierra Leone, Liberia, Gambie/Gambia,
    Cap-Vert/Cape Verde
Afrique centrale: Cameroun/Cameroon, Gabon, Congo, République démocratique du Congo/RDC/DRC,
    République centrafricaine/Centrafrique, Tchad/Chad, Guinée équatoriale, Angola, Burundi, Rwanda
Afrique de l'Est: Kenya, Éthiopie/Ethiopia, Tanzanie/Tanzania, Ouganda/Uganda, Somalie/Somalia,
    Djibouti, Érythrée/Eritrea, Soudan/Sudan, Soudan du Sud, Madagascar, Maurice/Mauritius,
    Seychelles, Comores/Comoros, Mayotte, La Réunion/Réunion
Afrique australe: Afrique du Sud/South Africa, Namibie/Namibia, Botswana, Zimbabwe, Zambie/Zambia,
    Mozambique, Malawi, Lesotho, Eswatini
Proche et Moyen-Orient: Égypte/Egypt, Liban/Lebanon, Israël/Israel, Palestine, Jordanie/Jordan,
    Syrie/Syria, Irak/Iraq, Iran, Turquie/Turkey, Arabie saoudite/Saudi Arabia,
    Émirats arabes unis/United Arab Emirates/UAE/Dubaï, Qatar, Koweït/Kuwait, Bahreïn/Bahrain, Oman,
    Yémen/Yemen, Arménie/Armenia, Géorgie/Georgia, Azerbaïdjan/Azerbaijan
Asie de l'Est: Chine/China, Japon/Japan, Corée du Sud/South Korea/Corée/Korea, Corée du Nord,
    Taïwan, Hong Kong, Mongolie/Mongolia
Asie du Sud-Est: Vietnam/Viêt Nam, Thaïlande/Thailand, Cambodge/Cambodia, Laos, Birmanie/Myanmar,
    Malaisie/Malaysia, Singapour/Singapore, Indonésie/Indonesia, Philippines, Brunei, Timor oriental
Asie du Sud: Inde/India, Pakistan, Bangladesh, Sri Lanka, Népal, Bhoutan/Bhutan, Maldives,
    Afghanistan
Asie centrale: Kazakhstan, Ouzbékistan/Uzbekistan, Turkménistan, Kirghizistan/Kyrgyzstan,
    Tadjikistan
Amérique du Nord: États-Unis/United States/USA/US/Amérique, Canada/Québec
Amérique centrale et Caraïbes: Mexique/Mexico, Guatemala, Honduras, Salvador/El Salvador, Nicaragua,
    Costa Rica, Panama, Cuba, Haïti/Haiti, République dominicaine/Dominican Republic,
    Jamaïque/Jamaica, Guadeloupe, Martinique, Trinité-et-Tobago, Belize, Bahamas
Amérique du Sud: Brésil/Brazil, Argentine/Argentina, Chili/Chile, Pérou/Peru, Bolivie/Bolivia,
    Colombie/Colombia, Équateur/Ecuador, Venezuela, Uruguay, Paraguay, Guyane, Guyana, Suriname
Océanie: Australie/Australia, Nouvelle-Zélande/New Zealand, Nouvelle-Calédonie/New Caledonia,
    Polynésie française/Tahiti/French Polynesia, Fidji/Fiji, Papouasie-Nouvelle-Guinée, Vanuatu
"""

_WIDER = {
    "Europe": ("Europe du Nord", "Europe de l'Ouest", "Europe du Sud", "Europe de l'Est"),
    "Afrique/Africa": (
        "Maghreb",
        "Afrique de l'Ouest",
        "Afrique centrale",
        "Afrique de l'Est",
        "Afrique australe",
    ),
    "Asie/Asia": ("Asie de l'Est", "Asie du Sud-Est", "Asie du Sud", "Asie centrale"),
    "Amérique latine/Latin America": ("Amérique centrale et Caraïbes", "Amérique du Sud"),
    "Amériques/Americas": (
        "Amérique du Nord",
        "Amérique centrale et Caraïbes",
        "Amérique du Sud",
    ),
    "Moyen-Orient/Middle East": ("Proche et Moyen-Orient",),
    "North America": ("Amérique du Nord",),
    "South America": ("Amérique du Sud",),
    "Oceania": ("Océanie",),
}

_LANGUAGES = """
français/french/fr, anglais/english/en, espagnol/spanish/es, allemand/german/de, italien/italian/it,
portugais/portuguese/pt, arabe/arabic/ar, chinois/chinese/mandarin/zh, japonais/japanese/ja,
russe/russian/ru, néerlandais/dutch/nl, polonais/polish/pl, turc/turkish/tr, hindi/hi,
coréen/korean/ko, vietnamien/vietnamese/vi
"""


@lru_cache(maxsize=4_096)
def key(text: str) -> str:
    """A name of a place, tag or kind, as it is compared: folded, letters and digits only."""
    return "".join(c for c in fold(text) if c.isalnum())


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """(first name's key, all the names' keys) of each entry between commas."""
    for entry in " ".join(text.split()).split(","):
        names = [key(name) for name in entry.split("/")]
        if names[0]:
            yield names[0], names


@lru_cache(maxsize=1)
def _tables() -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, frozenset[str]]]:
    """Name of a country → its key; country → its region; name of a region → its countries."""
    countries: dict[str, str] = {}
    region_of: dict[str, str] = {}
    members: dict[str, frozenset[str]] = {}
    for line in _REGIONS.replace("\n    ", " ").strip().splitlines():
        region, _, rest = line.partition(":")
        inside = dict(_entries(rest))
        members[key(region)] = frozenset(inside)
        for country, names in inside.items():
            region_of[country] = key(region)
            countries.update(dict.fromkeys(names, country))
    for names_of_wider, parts in _WIDER.items():
        union = frozenset().union(*(members[key(part)] for part in parts))
        members.update({key(name): union for name in names_of_wider.split("/")})
    return countries, region_of, members


@lru_cache(maxsize=4_096)
def country(name: str) -> str:
    """The key of a country under any of its usual names; an unknown one is its own key."""
    found = key(name)
    return _tables()[0].get(found, found)


def region(country_key: str) -> str | None:
    """The region of a country's key."""
    return _tables()[1].get(country_key)


def countries_in(name: str) -> frozenset[str]:
    """The countries of a region, of a continent, or the one country of that name."""
    return _tables()[2].get(key(name), frozenset({country(name)}))


def is_region(name: str) -> bool:
    """Whether the name is a region's or a continent's."""
    return key(name) in _tables()[2]


@lru_cache(maxsize=1)
def _languages() -> Mapping[str, str]:
    return {name: first for first, names in _entries(_LANGUAGES) for name in names}


@lru_cache(maxsize=1_024)
def language(name: str) -> str:
    """The key of a language under its French or English name or its code."""
    found = key(name)
    return _languages().get(found, found)
