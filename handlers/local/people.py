"""An invented directory: as many experts as wanted, the same for the same seed, in import columns.

For the demonstration, the story and the measurements. Nobody in it exists: the addresses end in
`.invalid`, names, employers and lives are put together by chance. It refuses to know the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from bot.exporter import write_csv

COLUMNS: Final = (
    "id", "prenom", "nom", "genre", "promo", "ecole", "poste", "employeur", "structure", "secteur",
    "ville", "pays", "pays_vecus", "bio", "situations", "capacite", "charge", "disponible",
    "consentement", "methode", "langues", "email",
)  # fmt: skip

_WOMEN: Final = (
    "Adèle", "Agathe", "Aïcha", "Aline", "Amina", "Anne", "Apolline", "Aurore", "Bérénice",
    "Blandine", "Camille", "Capucine", "Cécile", "Charlotte", "Claire", "Colette", "Diane",
    "Djamila", "Elsa", "Émilie", "Fanny", "Flore", "Gwenaëlle", "Héloïse", "Inès", "Isabelle",
    "Josiane", "Khadija", "Laetitia", "Linh", "Lise", "Maëlle", "Marguerite", "Nadia", "Noémie",
    "Océane", "Odile", "Perrine", "Quitterie", "Rim", "Sabine", "Salomé", "Solène", "Thaïs",
    "Valérie", "Yasmine", "Zoé",
)  # fmt: skip
_MEN: Final = (
    "Adrien", "Alexis", "Amadou", "Aurélien", "Bastien", "Benoît", "Boris", "Cyril", "Denis",
    "Driss", "Edgar", "Éloi", "Fabrice", "Félix", "Florian", "Gaspard", "Germain", "Hakim",
    "Hippolyte", "Hugo", "Ibrahim", "Joël", "Karim", "Laurent", "Léandre", "Léon", "Marc",
    "Matthieu", "Minh", "Noé", "Oscar", "Pascal", "Paul", "Quentin", "Raphaël", "René", "Sacha",
    "Simon", "Stéphane", "Tanguy", "Thibault", "Ulysse", "Vincent", "Wassim", "Xavier", "Yann",
    "Yves",
)  # fmt: skip
_HEADS: Final = (
    "Alb", "Ambr", "Ans", "Aub", "Bauch", "Bell", "Bor", "Caz", "Chant", "Clerv", "Corm", "Dauph",
    "Erl", "Font", "Garl", "Hauv", "Jaubr", "Kerg", "Lart", "Maill", "Mont", "Norv", "Orv", "Pell",
    "Quem", "Rav", "Salv", "Tourn", "Urv", "Vauc", "Verc", "Ygr",
)  # fmt: skip
_TAILS: Final = (
    "ac", "andier", "anne", "ard", "audin", "aux", "eau", "eix", "elin", "ency", "eret", "erive",
    "esson", "euil", "ier", "ignac", "illon", "iot", "ogne", "oul", "oux", "uelle", "uron", "y",
)  # fmt: skip
_SCHOOLS: Final = ("École polytechnique", "Mines Nancy", "Mines Paris", "Mines Saint-Étienne")
_HOME: Final = (
    "Paris", "Lyon", "Toulouse", "Nantes", "Lille", "Bordeaux", "Marseille", "Grenoble", "Rennes",
    "Strasbourg", "Montpellier", "Nice", "Dijon", "Brest", "Clermont-Ferrand", "Palaiseau",
    "La Rochelle", "Annecy", "Metz", "Pau",
)  # fmt: skip
_AWAY: Final = (
    ("Berlin", "Allemagne", "allemand"), ("Munich", "Allemagne", "allemand"),
    ("Londres", "Royaume-Uni", "anglais"), ("Madrid", "Espagne", "espagnol"),
    ("Milan", "Italie", "italien"), ("Lisbonne", "Portugal", "portugais"),
    ("Zurich", "Suisse", "allemand"), ("Bruxelles", "Belgique", "néerlandais"),
    ("Stockholm", "Suède", "anglais"), ("Casablanca", "Maroc", "arabe"),
    ("Dakar", "Sénégal", "anglais"), ("Abidjan", "Côte d'Ivoire", "anglais"),
    ("Nairobi", "Kenya", "anglais"), ("Montréal", "Canada", "anglais"),
    ("Boston", "États-Unis", "anglais"), ("São Paulo", "Brésil", "portugais"),
    ("Singapour", "Singapour", "anglais"), ("Tokyo", "Japon", "japonais"),
    ("Shanghai", "Chine", "chinois"), ("Bangalore", "Inde", "anglais"),
    ("Hanoï", "Vietnam", "anglais"), ("Dubaï", "Émirats arabes unis", "arabe"),
    ("Sydney", "Australie", "anglais"), ("Santiago", "Chili", "espagnol"),
)  # fmt: skip

# Sector | jobs | employers with their structure | things done, as they would be told.
_WORK: Final = """
Énergie | chef de projet éolien ; ingénieure réseaux électriques ; responsable stockage par
    batteries | Grand Réseau:groupe ; Ventelys:startup ; Agence de la transition:public | parcs en
    mer, riverains et permis ; équilibrer le réseau à la seconde ; prix de l'électricité et
    contrats longs ; démarrer une petite centrale solaire en coopérative
Nucléaire | ingénieur sûreté ; cheffe d'exploitation de centrale ; physicien des réacteurs | Atome
    Services:groupe ; Autorité de contrôle:public ; Petit Réacteur:startup | arrêts de tranche et
    équipes de nuit ; inspections et décisions difficiles ; concevoir un réacteur de poche
Aéronautique | ingénieure structures ; pilote d'essai ; responsable certification | Avionneur
    Sud:groupe ; Ailes Légères:startup ; Atelier Hélice:pme | du calcul au premier vol ; alléger
    une aile sans la fragiliser ; dialogue avec les autorités de certification
Spatial | ingénieur lanceurs ; cheffe de mission satellite ; analyste d'images | Agence
    spatiale:public ; Orbite Basse:startup ; Lanceurs d'Europe:groupe | campagnes de tir en Guyane
    ; petits satellites et grandes déceptions ; observer les cultures depuis l'orbite
Automobile | acheteuse batteries ; chef d'atelier d'assemblage ; ingénieur véhicule autonome |
    Grande Marque:groupe ; Équipements du Nord:groupe ; Vélomobile:startup | lignes d'assemblage
    et lean ; passage à l'électrique d'une usine de 900 personnes ; capteurs et sécurité
Ferroviaire | directrice d'établissement ; ingénieur signalisation ; chef de projet tramway | Rail
    National:public ; Voies et Trains:groupe ; Métropole Express:public | travaux de nuit et
    trains à l'heure ; nouvelles lignes de tramway ; automatiser un métro ancien
Maritime | officier de marine marchande ; architecte naval ; responsable port | Armement
    Atlantique:groupe ; Chantier de l'Anse:pme ; Port du Large:public | cargos à voile ; quarts de
    nuit et équipages mêlés ; dragage, dockers et environnement
Construction | conductrice de travaux ; ingénieur ouvrages d'art ; directeur de chantier |
    Bâtisseurs Réunis:groupe ; Bois et Paille:pme ; Bureau Arche:cabinet | ponts, tunnels et
    géotechnique ; béton bas carbone ; chantiers d'écoles en bois
Urbanisme | urbaniste ; cheffe de projet écoquartier ; programmiste | Ville de demain:public ;
    Atelier Place:cabinet ; Habitat Coopératif:association | rues sans voitures et commerçants
    inquiets ; logement social ; friches transformées avec les habitants
Eau | hydrologue ; directeur de régie des eaux ; ingénieure assainissement | Régie des Eaux:public
    ; Sources et Nappes:cabinet ; Goutte Claire:startup | inondations et alertes ; eau potable
    dans les villages ; micropolluants, capteurs et laboratoire
Déchets et recyclage | fondatrice de ressourcerie ; directeur de centre de tri ; ingénieure
    recyclage | Seconde Vie:association ; Tri Plus:groupe ; Fil Retour:startup | donner une
    deuxième vie aux objets ; trier les plastiques ; réemploi des matériaux de chantier
Agriculture | agronome ; maraîcher ; conseillère en élevage | Ferme des Trois Chênes:independant ;
    Coopérative du Plateau:pme ; Institut des sols:recherche | passer une ferme en bio ; sols
    vivants et moins d'engrais ; revenus des éleveurs et circuits courts
Agroalimentaire | responsable qualité ; ingénieure recherche produits ; directrice d'usine |
    Biscuiterie de l'Ouest:pme ; Lait et Compagnie:groupe ; Protéines Nouvelles:startup |
    recettes, goûts et normes ; légumineuses à la place de la viande ; une usine à la campagne
Forêt et bois | forestière ; directeur de scierie ; charpentier | Forêts publiques:public ;
    Scierie du Col:pme ; Atelier Faîtage:independant | replanter après la sécheresse ; charpente à
    l'ancienne et calcul moderne ; chasseurs, promeneurs et bois d'œuvre
Biodiversité | écologue ; garde de réserve naturelle ; chargé de mission rivières | Réserves de
    France:association ; Bureau Milieux:cabinet ; Parc naturel:public | oiseaux, tourbières et
    élus ; compter les espèces avant un chantier ; haies et abeilles sauvages
Climat | climatologue ; responsable bilan carbone ; économiste de la transition | Laboratoire du
    climat:recherche ; Carbone Juste:startup ; Banque des territoires:public | modèles et
    incertitudes ; décarboner une cimenterie ; convaincre un comité de direction
Santé | médecin de santé publique ; directrice d'hôpital ; ingénieur biomédical | Hôpital de la
    Côte:public ; Imagerie Douce:startup ; Soins Sans Distance:association | urgences, lits et
    budgets ; imagerie et patients ; médecine dans les déserts médicaux
Pharmacie | cheffe de projet essais cliniques ; responsable production de vaccins ; pharmacologue
    | Laboratoires Rive:groupe ; Biotech Azur:startup ; Institut du médicament:recherche | du
    laboratoire au patient ; vaccins et chaîne du froid ; thérapies pour maladies rares
Biologie | chercheur en génétique ; bio-informaticienne ; responsable plateforme | Institut du
    vivant:recherche ; Génome Ouvert:startup | séquencer vite et bien ; thèse, postdoc puis
    entreprise ; neurosciences et patience
Handicap et accessibilité | ergonome ; fondateur d'une entreprise de prothèses ; responsable
    accessibilité numérique | Main Libre:startup ; Accès pour Tous:association ; Cabinet
    Geste:cabinet | prothèses imprimées ; sites lisibles avec un lecteur d'écran ; adapter les
    postes de travail
Intelligence artificielle | data scientist ; chercheuse en apprentissage ; responsable données |
    Neurones et Cie:startup ; Institut de calcul:recherche ; Assureur Mutuel:groupe | modèles de
    langage et bon sens ; données sales et décisions propres ; éthique des algorithmes
Logiciel | développeuse ; architecte logiciel ; directeur technique | Code Commun:pme ; Nuage
    Souverain:groupe ; indépendante:independant | logiciel libre et télétravail ; une équipe de
    huit qui livre chaque semaine ; apprendre à coder à 40 ans
Cybersécurité | experte en réponse à incident ; auditeur ; cryptologue | Agence de sécurité:public
    ; Bouclier Numérique:startup ; Conseil Rempart:cabinet | hôpitaux attaqués un samedi ;
    chiffrement et preuves ; jouer les pirates avec autorisation
Électronique | conceptrice de puces ; ingénieur radio ; photonicienne | Semi Vallée:groupe ;
    Lumière Guidée:startup | salles blanches ; antennes et téléphones ; lasers pour la médecine
Robotique | ingénieur robotique ; mécatronicienne | Bras Agile:startup ; Usine Nouvelle:groupe |
    robots agricoles ; cobots à côté des opérateurs ; capteurs qui tombent en panne la nuit
Quantique et physique | physicien ; ingénieure cryogénie | Centre des particules:recherche ; Qubit
    Froid:startup | accélérateurs et collaborations de mille personnes ; refroidir presque à zéro
Finance | analyste crédit ; gérante de fonds ; trésorier | Banque Générale:groupe ; Fonds
    Patient:pme ; Trésor public:public | financer des usines ; finance durable sans poudre aux
    yeux ; marchés, nuits courtes et reconversion
Fintech | cofondatrice ; responsable paiements | Portefeuille Ouvert:startup ; Crédit
    Solidaire:association | paiement mobile et microcrédit ; première levée de fonds ; régulateur
    et patience
Assurance | actuaire ; directrice des sinistres | Mutuelle des Ponts:groupe ; Risque Clair:startup
    | tempêtes, modèles et primes ; assurer ce qui ne l'était pas
Conseil | consultante en stratégie ; consultant indépendant ; associée | Cabinet Delta:cabinet ;
    indépendant:independant | vendre ses premières missions après 50 ans ; quitter un grand
    cabinet ; conduire un changement sans casser
Capital-risque et start-up | investisseur ; entrepreneure ; directeur d'incubateur | Graines
    Capital:pme ; Pépinière du Plateau:association | choisir un associé ; deux échecs et une vente
    ; où se créent les nouvelles entreprises
Ressources humaines | directrice des ressources humaines ; recruteur ; coach | Groupe
    Horizon:groupe ; Talents et Cie:pme ; indépendante:independant | recruter sans copier-coller ;
    négocier avec les syndicats ; bilans et rebonds
Commerce et achats | acheteur international ; responsable export ; fondatrice d'une boutique en
    ligne | Comptoir Direct:pme ; Grand Magasin:groupe ; Panier Voisin:startup | négocier loin de
    chez soi ; fournisseurs et prix justes ; ouvrir un pays
Logistique | directrice d'entrepôt ; responsable transport | Colis Verts:startup ; Route et
    Rail:groupe | dernier kilomètre à vélo ; stocks et pénuries ; piloter trois cents camions
Télécommunications | ingénieur réseaux ; cheffe de produit | Opérateur Bleu:groupe ; Câble des
    Mers:groupe | câbles sous-marins ; réseaux en zone rurale
Industrie | directeur d'usine ; responsable maintenance ; ingénieure procédés | Fonderie du
    Val:pme ; Verrerie Haute:groupe ; Métaux Rares:groupe | équipes postées et sécurité ; relancer
    une usine fermée ; verre, fours et électricité
Chimie et matériaux | chercheuse en polymères ; parfumeuse ; ingénieur composites | Molécule
    Verte:startup ; Maison des Senteurs:pme ; Chimie de l'Isère:groupe | plastiques qui se
    dégradent ; nez, formules et patience ; passer du gramme à la tonne
Mode et luxe | directrice de collection ; ingénieur textile | Maison Saphir:groupe ; Fil de
    Lin:startup | relancer le lin ; ateliers, mains et délais ; horlogerie et petites séries
Artisanat | ébéniste ; céramiste ; horlogère | Atelier du Quai:independant ; Terre et
    Feu:independant | quitter un bureau pour un atelier ; apprendre un métier manuel à 35 ans ;
    fixer ses prix
Jeux vidéo | conceptrice de jeux ; programmeur moteur | Studio Lanterne:startup ; Grands
    Jeux:groupe | six ans pour un jeu ; équilibre entre art et calcul
Cinéma et spectacle | productrice ; ingénieur du son ; régisseuse | Théâtre du Pont:public ; Films
    du Matin:pme | tournées et décors ; du laboratoire d'acoustique à la scène ; financer un
    premier film
Médias et édition | journaliste scientifique ; éditrice ; réalisateur de podcasts | Revue
    Courbe:pme ; Radio Publique:public | enquêtes et chiffres ; raconter la science ; fabriquer un
    livre de A à Z
Musées et patrimoine | conservateur ; responsable numérique ; ingénieure restauration | Musée des
    Techniques:public ; Pierres et Toits:cabinet | restaurer une cathédrale ; expositions pour
    enfants ; radiographier un tableau
Sport | préparateur physique ; directrice de stade ; ingénieur biomécanique | Fédération des
    sports:association ; Foulée:startup | mesurer sans gêner l'athlète ; grands événements ; sport
    adapté
Tourisme | directrice d'office de tourisme ; fondateur d'agence | Voyages Lents:startup ;
    Montagnes d'Ici:association | voyager sans avion ; stations sans neige
Enseignement | professeure en classe préparatoire ; directeur d'école ; fondatrice d'un réseau de
    tutorat | Lycée des Collines:public ; Tuteurs Unis:association ; Campus Ouvert:public |
    concours, confiance et orientation ; lycéens qui n'osent pas ; enseigner autrement les
    mathématiques
Recherche | directrice de recherche ; maître de conférences ; ingénieur transfert de technologie |
    Centre national:recherche ; Université du Lac:recherche | quitter le laboratoire pour
    l'industrie ; brevets et créations d'entreprises ; écrire un dossier européen
Solidarité | directrice d'association ; chargé de programme humanitaire ; éducateur | Toits et
    Tables:association ; Secours sans bruit:association | hébergement d'urgence ; camps,
    logistique et eau ; insertion par le travail
Droit et justice | avocate ; magistrat ; juriste propriété intellectuelle | Cabinet Thémis:cabinet
    ; Tribunal:public ; Brevets et Marques:cabinet | brevets et procès ; reprendre le droit à 30
    ans ; médiation
Administration publique | sous-préfète ; chef de bureau ; inspecteur des finances |
    Ministère:public ; Région Littoral:public | servir l'intérêt général sans s'ennuyer ; crises
    et nuits blanches ; écrire une loi
Défense et sécurité civile | officière ; ingénieur de l'armement ; commandant de sapeurs-pompiers
    | Armées:public ; Direction des programmes:public ; Secours départementaux:public | commander
    à 25 ans ; feux, équipes et sang-froid ; grands programmes
Diplomatie et Europe | conseillère d'ambassade ; fonctionnaire européen | Ambassade:public ;
    Institutions européennes:public | négocier en quatre langues ; vivre ailleurs en famille
Opinion et données publiques | statisticienne ; directeur d'études | Institut statistique:public ;
    Sondages et Cie:pme | mesurer la pauvreté ; enquêtes et échantillons
Immobilier | directrice de programmes ; géomètre | Foncière Ouverte:groupe ; Bornes et
    Plans:cabinet | bureaux transformés en logements ; bornage et voisins
"""

_BOTH: Final = frozenset(
    [
        "actuaire",
        "agronome",
        "analyste",
        "architecte",
        "céramiste",
        "climatologue",
        "coach",
        "cryptologue",
        "data",
        "économiste",
        "écologue",
        "ébéniste",
        "ergonome",
        "fonctionnaire",
        "garde",
        "géomètre",
        "hydrologue",
        "journaliste",
        "juriste",
        "maître",
        "médecin",
        "pharmacologue",
        "pilote",
        "programmiste",
        "responsable",
        "urbaniste",
    ]
)
_OPENINGS: Final = (
    "{}.", "{}.", "{}.", "Dix ans de métier : {}.", "Ce que je connais : {}.",
    "J'ai appris sur le tas : {}.", "Volontiers pour parler de ceci : {}.", "Surtout {}.",
)  # fmt: skip
_LIVES: Final = (
    "Deux enfants et un temps partiel assumé.",
    "Reconversion à 32 ans après un premier poste en banque.",
    "Thèse, puis entreprise, sans regret.", "Un échec dont je parle volontiers.",
    "Première de ma famille à faire des études longues.", "Passage par une petite équipe de six.",
    "Je réponds plutôt le soir.", "Un départ à l'étranger sans parler la langue.",
    "Manager à 26 ans, trop tôt sans doute.", "Retour en province réussi.",
    "Le temps de transmettre, maintenant.", "Année de césure devenue un métier.",
)  # fmt: skip
_ENGLISH: Final = (
    "Happy to talk about {sector} careers abroad; fifteen minutes or an hour.",
    "Started in a lab, now in {sector}; ask me about changing direction.",
    "Living in {city}: work culture, visas, finding a first job.",
)


def invented(n: int = 150, seed: int = 1) -> Iterator[dict[str, str]]:
    """Invented experts, one row of import columns each.

    Args:
        n: How many.
        seed: The same seed gives the same people; the first of them do not depend on `n`.
    """
    fields = [_field(line) for line in _WORK.replace("\n    ", " ").strip().splitlines()]
    for number in range(1, n + 1):
        yield _person(number, Random(f"{seed}:{number}"), fields)


def invented_csv(n: int = 150, seed: int = 1) -> bytes:
    """The same as a file for `cordee import`."""
    return write_csv(COLUMNS, ([row[name] for name in COLUMNS] for row in invented(n, seed)))


_Field = tuple[str, list[str], list[tuple[str, str]], list[str]]


def _field(line: str) -> _Field:
    sector, jobs, employers, deeds = (part.strip() for part in line.split("|"))
    pairs = [one.strip().rpartition(":") for one in employers.split(" ; ")]
    return sector, jobs.split(" ; "), [(a, c) for a, _, c in pairs], deeds.split(" ; ")


def _person(number: int, rng: Random, fields: list[_Field]) -> dict[str, str]:
    sector, jobs, employers, deeds = rng.choice(fields)
    job = rng.choice(jobs)
    woman = _feminine(job, rng)
    first = rng.choice(_WOMEN if woman else _MEN)
    if rng.random() < 0.06:
        first += f"-{rng.choice(_WOMEN if woman else _MEN)}"
    last = rng.choice(_HEADS) + rng.choice(_TAILS)
    if rng.random() < 0.04:
        last += f" de {rng.choice(_HEADS)}{rng.choice(_TAILS)}"
    promo = rng.randint(1978, 2021)
    employer, structure = rng.choice(employers)
    abroad = rng.random() < 0.18
    away = rng.sample(_AWAY, rng.choice((0, 0, 0, 1, 1, 2)) + abroad)
    city, country = (away[0][0], away[0][1]) if abroad else (rng.choice(_HOME), "France")
    lived = [name for _, name, _ in away if name != country]
    languages = ["français", *(("anglais",) if rng.random() < 0.9 else ())]
    languages += [spoken for _, _, spoken in away if spoken not in languages]
    capacity = rng.choice((1, 1, 1, 2, 2, 3, 5))
    return {
        "id": f"X{number:06d}",
        "prenom": first,
        "nom": last,
        "genre": "F" if woman else "M",
        "promo": str(promo),
        "ecole": rng.choice(_SCHOOLS),
        "poste": _capital(job),
        "employeur": employer,
        "structure": structure,
        "secteur": sector,
        "ville": city,
        "pays": country,
        "pays_vecus": ";".join(dict.fromkeys(lived)),
        "bio": _bio(rng, sector, city, deeds),
        "situations": ";".join(_situations(rng, promo, structure, travelled=bool(away))),
        "capacite": str(capacity),
        "charge": str(rng.choice((0, 0, 0, 0, 1, capacity))),
        "disponible": "oui" if rng.random() < 0.9 else "non",
        "consentement": "oui" if rng.random() < 0.92 else "non",
        "methode": "oui" if rng.random() < 0.3 else "non",
        "langues": ";".join(languages),
        "email": f"x{number:06d}@exemple.invalid",
    }


def _feminine(job: str, rng: Random) -> bool:
    """Whether a woman holds the job, by its word; a word for both is decided by chance."""
    word = job.split(maxsplit=1)[0]
    return rng.random() < 0.5 if word in _BOTH else word.endswith("e")


def _bio(rng: Random, sector: str, city: str, deeds: list[str]) -> str:
    if rng.random() < 0.12:
        return ""  # as in any real directory
    if rng.random() < 0.08:
        return rng.choice(_ENGLISH).format(sector=sector.lower(), city=city)
    told = rng.sample(deeds, min(len(deeds), rng.choice((1, 2, 2, 3))))
    bio = rng.choice(_OPENINGS).format(" ; ".join(told))
    if rng.random() < 0.4:
        bio += f" {rng.choice(_LIVES)}"
    return _capital(bio)


def _situations(rng: Random, promo: int, structure: str, *, travelled: bool) -> list[str]:
    found = []
    if promo >= 2008:
        found.append("début de carrière")
    if rng.random() < 0.12:
        found.append("30 ans")
    if structure == "recherche" or rng.random() < 0.04:
        found.append("jeune chercheur")
    if travelled:
        found.append("international")
    if promo <= 1992 or (structure == "independant" and promo < 2000):
        found.append("senior")
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
