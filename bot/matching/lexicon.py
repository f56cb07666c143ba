"""Words that belong together: fields of work and life, with everyday, school and trade words.

A line at the margin opens a field: its name, then words that point to it. Two people who use
different words of one field are near. A field may be opened twice: French words come first, English
ones at the end. Written from general knowledge of trades and sectors; a programme file adds words
through its synonyms. This module refuses to know any directory and any wish.
"""

from __future__ import annotations

FIELDS = """
agriculture: agriculture agricole agronome agronomie agro ferme fermier paysan culture cultivateur
    maraîcher maraîchage élevage éleveur céréales blé champ champs tracteur bio permaculture
    récolte semence semences engrais pesticide sol sols vache vaches lait exploitation coopérative
    campagne rural farming farm crops
vine: vin vigne vignoble vigneron viticulture viticole œnologue œnologie oenologie cave cru
    champagne raisin sommelier wine
drinks: bière brasseur brasserie brassage houblon malt boisson boissons spiritueux distillerie
    distillateur whisky rhum cidre jus soda beer brewery
food: alimentation alimentaire nourriture manger aliment aliments agroalimentaire cuisine
    cuisinier restaurant restauration restaurateur chef gastronomie boulanger boulangerie pain
    pâtisserie pâtissier chocolat chocolatier cacao confiserie fromage fromager affineur
    charcuterie boucher traiteur épicerie biscuit laiterie yaourt recette goût saveur mange bouffe
    café food bakery cooking
fishing: pêche pêcheur poisson poissons aquaculture crustacés huître ostréiculture conchyliculture
    truite criée chalutier fishing
forest: forêt forêts forestier bois arbre arbres sylviculture bûcheron scierie scieur sciage
    charpente menuisier menuiserie ébéniste onf parquet papier timber wood
nature: nature biodiversité écologie écologue environnement faune flore espèce espèces naturaliste
    parc réserve oiseau oiseaux abeille abeilles apiculteur ruche ruches pollinisateur insecte
    insectes entomologiste plante plantes botaniste botanique herbier jardin paysage paysagiste
    zoologie zone humide protection sauvage wildlife conservation
animals: animal animaux vétérinaire chien chiens chat cheval chevaux équitation zoo refuge
    bien-être soigneur bétail animalier pets veterinary
outdoors: dehors extérieur plein air montagne montagnard guide randonnée sentier sentiers alpin
    alpinisme ski neige refuge avalanche avalanches garde moniteur terrain cordiste escalade
    spéléologue grotte outdoor
climate: climat climatique climatologue réchauffement carbone décarbonation décarboner bas-carbone
    émission émissions co2 empreinte adaptation ges neutralité transition écologique durable
    durabilité météo météorologie météorologue glaciologue glacier glaciers climate carbon
    sustainability
waste: déchet déchets recyclage recycler tri circulaire réemploi réparation réparer compost
    poubelle ordures vrac emballage emballages consigne valorisation ressourcerie récupération
    seconde waste recycling
energy: énergie énergies énergétique électricité électrique courant réseau edf engie rte enedis
    renouvelable renouvelables éolien éolienne éoliennes vent solaire photovoltaïque panneau
    hydrogène batterie batteries stockage barrage hydraulique hydroélectricité biomasse
    méthanisation biogaz turbine energy wind solar
heating: chauffage chauffer chaleur pompe chaudière fioul gaz géothermie géothermique isolation
    isoler thermique thermicien climatisation clim froid frigoriste ventilation rénovation
    passoire bâtiment radiateur heating
nuclear: nucléaire atome atomique réacteur réacteurs centrale radioprotection uranium cea orano
    framatome asn démantèlement fusion iter radioactivité radioactif nuclear
oil: pétrole pétrolier gaz forage raffinerie raffinage gisement offshore total totalenergies
    carburant pétrochimie oil
mining: mine mines minier carrière concassage minerai métaux lithium extraction géologue granulat
    sous-sol mining
geology: géologie géologue géosciences volcan volcans volcanologue volcanologie séisme séismes
    sismologue sismologie sismique tremblement terre terrestre hydrogéologue géophysique
    géotechnique nappe roche roches risque naturel tsunami earthquake
water: eau eaux hydrologie hydraulicien assainissement potable rivière rivières fleuve inondation
    inondations crue station épuration nappe captage captages veolia suez barrage barrages digue
    hydrogéologue irrigation piscine water
sea: mer marin marine maritime océan océans océanographe océanographie bateau bateaux navire
    navires navigation capitaine équipage voile voilier port ports portuaire cargo
    porte-conteneurs armateur chantier naval navale sous-marin sous-marins sous-marinier plongée
    plongeur phare côte littoral marée ifremer pilote large quai sea ship
aviation: avion avions aviation aéronautique aéronautisme aérien aérienne aéroport pilote vol
    voler hélicoptère hélice hélices aile ailes planeur planeurs drone drones airbus dassault
    safran boeing turboréacteur moteur aéroclub contrôleur compagnie aérospatial fuselage cabine
    aircraft aerospace
space: espace spatial spatiale satellite satellites fusée fusées lanceur ariane cnes esa orbite
    astronaute astronomie astronome astrophysique astrophysicien étoile étoiles planète mars lune
    télescope cosmos rocket
cars: voiture voitures automobile auto autos véhicule véhicules constructeur équipementier renault
    peugeot stellantis moteur moto motos pneu pneus michelin garage mécanicien carrosserie
    autonome électrique course pilote rallye vélo vélos trottinette cyclable camion car
rail: train trains ferroviaire rail rails sncf gare gares tgv cheminot aiguilleur aiguilleuse voie
    voies locomotive alstom fret signalisation railway
transit: transport transports métro metro tramway tram bus ratp mobilité mobilités commun ligne
    lignes trafic urbain déplacement déplacements covoiturage intermodal voyageurs passagers
    transit
logistics: logistique supply chain entrepôt entrepôts livraison livrer colis livreur kilomètre
    camion camions camionnette tournée tournées fret approvisionnement approvisionnements stock
    stocks conteneur conteneurs douane transitaire logistics
construction: btp construction construire bâtir bâtiment bâtiments chantier chantiers béton ciment
    ouvrage ouvrages pont ponts tunnel tunnels tunnelier barrage barrages digue route routes
    autoroute génie civil infrastructure infrastructures travaux conducteur maçon grue vinci
    bouygues eiffage structure ingénieur-structure terrassement building
architecture: architecte architecture urbanisme urbaniste ville villes aménagement aménageur
    quartier logement logements habitat territoire plan décoration décorateur intérieur rénovation
    patrimoine monument monuments paysagiste social-housing city planning
realestate: immobilier immobilière agence promotion promoteur foncier foncière location bailleur
    copropriété logement logements maison maisons notaire hlm géomètre bornage syndic estate
industry: industrie industriel usine usines production atelier fabrication fabriquer manufacture
    ligne lignes lean qualité maintenance méthodes process procédé procédés opérateur opérateurs
    automatisme automaticien robot robots machine machines contremaître factory manufacturing
materials: matériaux matériau métal métaux métallurgie acier sidérurgie fonderie aluminium verre
    verrier céramique plastique plastiques polymère polymères composite composites caoutchouc
    forge soudage soudure impression 3d steel
chemistry: chimie chimique chimiste molécule molécules formulation parfum parfums parfumeur
    cosmétique cosmétiques peinture colle arôme arômes laboratoire réaction odeur odeurs chemistry
electronics: électronique électronicien puce puces semi-conducteur semi-conducteurs semiconducteur
    composant composants circuit circuits capteur capteurs microélectronique stmicroelectronics
    carte photonique optique laser opticien lunettes lentille objets connectés iot chips
robotics: robot robots robotique automate cobot bras mécatronique automatisation autonome engin
    engins humanoïde robotics
software: informatique logiciel logiciels développeur développeuse dev code coder codage
    programmation programmer programmeur web site sites internet application applications appli
    applis app plateforme frontend backend fullstack libre open-source python java cloud devops
    saas numérique digital tech geek ordi ordinateur site-web software developer
accessibility: accessibilité accessible handicap handicapé handicapés handicapées malvoyant
    malvoyants aveugle aveugles sourd sourds surdité fauteuil inclusion inclusif dyslexie autisme
    braille prothèse prothèses orthèse appareillage ergonome ergonomie rgaa paralympique
    accessibility disability
ai: ia intelligence artificielle machine learning deep données donnée data scientist algorithme
    algorithmes apprentissage automatique llm neurones modèle modèles statistique statistiques
    statisticien big vision langage nlp chatgpt analytics analyste
security: cybersécurité cyber sécurité piratage hacker hackers pirate intrusion cryptographie
    chiffrement anssi vulnérabilité attaque attaques pentest fraude rgpd vie privée cybersecurity
quantum: quantique qubit qubits physique physicien physicienne photon photons cryogénie particule
    particules accélérateur cern théorique physics
maths: mathématiques maths math mathématicien probabilités probabilité actuaire actuariat
    modélisation optimisation calcul recherche opérationnelle quant statistique algèbre
telecom: télécom télécoms télécommunications réseau réseaux 5g fibre antenne antennes orange
    téléphone téléphonie opérateur mobile câble câbles radio
games: jeu jeux vidéo gaming game ubisoft studio esport joueur gameplay manette jouet jouets
    ludique société
toys: jouet jouets enfant enfants jeu jeux peluche ludothèque
cinema: cinéma film films réalisateur audiovisuel série séries télévision télé montage monteur
    scénario scénariste effets spéciaux animation tournage producteur caméra documentaire
    documentariste vfx movie
music: musique musicien musicienne instrument instruments concert concerts chanson chanteur son
    sons ingénieur-son orchestre violon violons luthier luthière piano guitare label festival
    acoustique acousticien studio opéra conservatoire audio podcast podcasts voix music
stage: théâtre spectacle spectacles scène comédien comédienne acteur régisseur régie danse danseur
    chorégraphe cirque marionnette opéra lumière lumières tournée tournées plateau intermittent
    festival festivals theatre
art: art arts artiste artistes musée musées galerie exposition expositions conservateur
    restauration tableau peinture peintre sculpture sculpteur dessin dessinateur illustration
    illustrateur graphiste graphisme culture culturel patrimoine commissaire museum
crafts: artisan artisans artisanat artisanal artisanale manuel manuelle main mains atelier
    savoir-faire objet objets luthier luthière ébéniste menuisier céramiste potier poterie bijou
    bijoux bijoutier joaillier joaillerie horloger horlogerie montre montres souffleur verre
    vitrail relieur reliure maroquinier maroquinerie cuir tapissier ferronnier forgeron
    restauration vernis sur-mesure fabriquer créer craft
fashion: mode vêtement vêtements textile textiles tissu tissus couture couturier couturière
    modéliste styliste prêt-à-porter fil fils filature tissage tisseur luxe chanel lvmh hermès
    kering chaussure chaussures maroquinerie patronage défilé fashion
luxury: luxe lvmh hermès chanel kering cartier joaillerie horlogerie parfum haute maroquinerie
    champagne prestige luxury
design: design designer conception concepteur conceptrice ux ui graphisme ergonomie ergonome
    utilisateur usages prototype prototypage créatif création innovation
publishing: livre livres édition éditeur éditeurs éditrice libraire librairie bibliothèque
    bibliothécaire auteur auteurs écrivain roman écriture écrire lire lecture manuscrit bd bande
    dessinée traduction traducteur imprimerie archive archives books
press: presse journal journaux journaliste journalisme reporter reportage reportages média médias
    rédaction rédacteur enquête enquêtes info information actualité radio correspondant
    photographe photo photos guerre podcast journalism
communication: communication communicant publicité pub marketing marque marques réseaux sociaux
    attaché influence influenceur événement événementiel relations publiques contenu agence
    social-media campagne community manager advertising
events: événementiel événement événements congrès salon salons festival festivals organisateur
    stade billetterie concert mariage animation wedding
sales: commercial commerciale vente ventes vendre vendeur négociation négocier commerce client
    clients distribution magasin magasins boutique boutiques détaillant grande supermarché export
    import achats acheteur acheteuse e-commerce technico-commercial business sales retail
tourism: tourisme touristique voyage voyages voyager hôtel hôtels hôtellerie hôtelier agence guide
    vacances camping séjour compagnie croisière hébergement travel
sport: sport sports sportif sportive sportifs athlète athlètes athlétisme entraîneur entraîneuse
    coach football foot rugby tennis natation vélo cyclisme course équipe fédération olympique
    jeux stade club gymnase fitness kiné entraînement biomécanique mental préparateur paralympique
care: santé médical médicale médecin médecins médecine soin soins soigner hôpital hôpitaux
    hospitalier clinique infirmier infirmière patient patients chirurgie chirurgien urgences
    urgentiste malade malades maladie maladies paramédical kiné kinésithérapeute sage-femme
    dentiste pharmacien aide-soignant chu diététicienne diététicien nutrition rééducation health
    doctor
pharma: pharmaceutique pharmacie pharmacien médicament médicaments vaccin vaccins biotech
    biotechnologie biotechnologies essais cliniques molécule sanofi industrie traitement thérapie
    thérapies essai drug
biology: biologie biologiste bio génétique génome génomique adn cellule cellules bactérie
    microbiologie neurosciences cerveau immunologie virus biotech laboratoire biochimie
    bioinformatique vivant biology
medtech: dispositif dispositifs imagerie scanner scanners irm radiothérapie radiophysicien
    radiophysicienne radiopharmacie cyclotron prothèse prothèses implant biomédical capteur
    télémédecine e-santé hospitalière medtech
mind: psychologie psychologue psy psychiatre psychiatrie thérapeute thérapie mental mentale stress
    stresser trac angoisse confiance burn-out épuisement coach coaching sophrologue écoute émotion
    émotions mal-être addiction solitude
voice: orthophoniste orthophonie parole parler langage bégaiement lecture lire dyslexie voix
    prononciation articulation
speaking: oral oraux parole public prise éloquence orateur concours trac stress stressés timide
    timidité discours théâtre voix présentation khôlle khôlles rhétorique débat speaking
teaching: enseignement enseigner enseignant enseignante professeur professeure prof profs école
    écoles élève élèves lycée lycées lycéen lycéens collège collégiens université universitaire
    prépa concours khôlle pédagogie pédagogique éducation éducatif cours classe classes
    instituteur maître maîtresse tutorat formation formateur formatrice khôlles soutien scolaire
    apprentissage apprenti apprentis teacher education
youth: jeune jeunes enfant enfants gamin gamins gosse gosses ado ados adolescent adolescents
    jeunesse mineurs foyer éducateur éducatrice animateur animation colonie crèche petite enfance
    puéricultrice pjj protection tutorat décrochage quartiers kids
social: social sociale sociaux solidarité solidaire insertion réinsertion précarité pauvreté
    sans-abri sdf logement surendettement assistante aide aider difficulté difficultés exclusion
    migrants réfugié réfugiés réfugiées bénévole bénévoles bénévolat association associations
    associatif ong humanitaire caritatif dons don fondation ess maraude croix-rouge emmaüs foyer
    hébergement violences vulnérables charity
humanitarian: humanitaire ong msf croix-rouge urgence crise crises guerre conflit conflits réfugié
    réfugiés camp camps développement aide onu unicef mission missions terrain catastrophe secours
    famine refugees aid
justice: justice juge magistrat magistrate tribunal procureur avocat avocate barreau droit droits
    juridique juriste loi lois prison prisons pénitentiaire pénitentiaires détenu détenus
    surveillant surveillants réinsertion notaire huissier greffier prud'hommes procès contentieux
    pénal law lawyer
police: police policier policière gendarme gendarmerie enquêteur enquêteuse enquête enquêtes crime
    crimes criminel criminelle scientifique adn scène indices douane douanes douanier douanière
    saisies fraude renseignement antiterrorisme détective espion sécurité intérieure
defence: défense armée armées militaire militaires soldat officier marine terre air dga guerre
    arme armes armement blindé général colonel état-major opération opérations thales mbda nexter
    démineur déminage obus army
rescue: secours sauver sauvetage sauveteur sauveteurs pompier pompiers sapeur sapeurs-pompiers
    incendie incendies feu feux caserne casernes urgence urgences samu secouriste sécurité civile
    crise catastrophe ambulancier déminage démineur hélicoptère rescue firefighter
politics: politique politiques élu élus maire mairie député sénateur ministère ministre
    ministériel cabinet parlement élection élections électorales campagne parti lobbying plaidoyer
    affaires publiques collectivité collectivités municipal préfecture préfet gouvernement
    diplomatie policy
publicservice: public publique service services état fonction fonctionnaire administration
    administratif collectivité collectivités ministère préfecture mairie département région
    municipal corps haut haute ena inspection contrôleur agent insee impôt impôts fisc trésor
    civil
diplomacy: diplomatie diplomate ambassade ambassadeur consul consulat international internationale
    onu nations unies relations étrangères ministère organisation organisations traité europe
    européen européenne commission bruxelles union embassy
activism: militant militante militantisme plaidoyer greenpeace pétition pétitions activiste
    engagement engagé cause manifestation syndicat syndical syndicale syndicaliste cfdt lutte
    droits féminisme égalité campaign
labour: travail syndicat syndical déléguée prud'hommes négociation rh ressources humaines
    recrutement recruter recruteur recruteuse drh emploi chômage carrière carrières paie salaire
    salaires conditions bulletins conventions collectives pénibilité prévention hr
finance: finance finances financier financière banque banques bancaire banquier investissement
    investisseur investir fonds capital trading trader marché marchés bourse actions fusions
    acquisitions private equity m&a actif actifs gestion crédit crédits prêt argent analyste bnp
    société générale patrimoine trésorerie banking money
payment: paiement paiements payer fintech monnaie argent portefeuille bancaire microfinance
    microcrédit virement carte cryptomonnaie crypto bitcoin blockchain transfert transferts
    payments
insurance: assurance assurances assureur actuaire actuariat courtier courtière courtage mutuelle
    sinistre sinistres risque risques axa réassurance prévoyance insurance
accounting: comptabilité comptable audit auditeur contrôle contrôleur gestion fiscalité fiscal
    fiscale impôts impôt taxe tva expert-comptable daf trésorerie bilan budget budgets paie
    accounting tax
consulting: conseil consultant consultante consultants cabinet mckinsey bcg bain stratégie
    stratégique mission missions accompagnement transformation management organisation consulting
    strategy
startup: startup startups start-up start-ups entrepreneur entrepreneure entrepreneuriat
    entreprendre fondateur fondatrice fonder cofondateur cofondatrice créer création boîte levée
    incubateur incubé accélérateur jeune-pousse innovation innovant business patron croissance
    lancement founder venture
freelance: indépendant indépendante freelance free-lance auto-entrepreneur consultant consultante
    consultants portage salarial missions mission tarif tarifs tjm client clients prospection
    prospecter compte autonome statut solo
career: carrière reconversion reconvertir reconverti changer changement bifurquer bifurcation
    trajectoire virage tournant rebond rebondir bilan compétences quitter quitté devenu devenue
    plaquer chômage licenciement licencié transition reprise seconde career
senior: senior seniors 50 55 60 ans retraite retraité fin carrière expérimenté expérience ancien
    ancienne ainé transmission
management: management manager manageur équipe équipes diriger directeur directrice dirigeant chef
    cheffe leadership responsable encadrement encadrer pdg dg comex patron projet projets
research: recherche chercheur chercheuse chercheurs labo labos laboratoire laboratoires paillasse
    doctorat doctorant doctorante docteur thèse thésard phd postdoc post-doc cnrs inria inrae
    académique publication publications universitaire science sciences scientifique scientifiques
    r&d maître conférences researcher
patents: brevet brevets propriété intellectuelle invention inventeur inventeurs licence licences
    valorisation marque marques patent
standards: norme normes certification qualité contrôle homologation audit conformité
    réglementation réglementaire
transfer: valorisation transfert brevets innovation licence partenariat deeptech spin-off
    essaimage industrie privé
history: histoire historien historienne archéologie archéologue archives mémoire patrimoine
    antiquité fouilles généalogie history
languages: langue langues linguiste linguistique traducteur traductrice traduction interprète
    anglais espagnol allemand bilingue grammaire syntaxe interprétariat
philosophy: philosophie philosophe éthique morale sens valeurs spiritualité sociologie sociologue
    sociologique anthropologue ethnologue anthropologie humanités
opinion: sondage sondages opinion enquête questionnaire questionnaires échantillon échantillons
    études marché statistique panel électorales
maps: carte cartes cartographie cartographe géographie géographe géomètre géomatique sig gps
    topographie topographe satellite drones
abroad: étranger international internationale expatrié expatriée expatriation pays monde ailleurs
    voyage voyages mission export filiale mobilité interculturel visa global abroad
africa: afrique africain africaine africains sénégal dakar maroc côte ivoire cameroun nigeria
    kenya éthiopie madagascar mali ghana tunisie algérie afro congo rwanda bénin togo africa
asia: asie asiatique chine japon inde corée vietnam singapour thaïlande indonésie pékin shanghai
    tokyo hong kong asia
home: maison maisons domotique volets ménage ameublement meuble meubles mobilier cuisine
    électroménager bricolage jardin déco ascenseur ascenseurs furniture
optics: optique opticien lunette lunettes laser vision vue lentille photonique
packaging: emballage emballages packaging conditionnement embouteillage pots carton plastique
death: funéraire obsèques deuil pompes fin vie palliatif palliatifs
parenthood: maternité parent parents enfant famille bébé grossesse congé parental équilibre
    familial
women: femme femmes mixité égalité féminin parité sexisme plafond
quality: vie équilibre télétravail temps partiel province campagne quitter paris
agriculture: agriculture agricultural farmer crop soil livestock cattle dairy organic
vine: winemaker winery vineyard grape
drinks: brewer brewing distillery spirits drink
food: restaurant baker pastry chocolate cheese butcher meal recipe eat
fishing: fish fishery fisherman seafood
forest: forestry tree carpenter carpentry sawmill lumber
nature: biodiversity ecology species bird bee insect plant botany garden
animals: animal horse dog vet
outdoors: mountain hiking climbing outdoor ski
climate: warming emissions sustainability sustainable footprint weather
waste: recycle reuse repair circular
energy: electricity power grid renewable battery hydrogen turbine
heating: heat insulation boiler geothermal
nuclear: reactor atomic
oil: petroleum drilling refinery
mining: mine quarry ore lithium
geology: geologist volcano seismic
water: hydrology flood river dam sewage
sea: ocean marine maritime boat sailor navy port harbour shipping
aviation: aircraft airplane plane flight airport pilot aerospace
space: satellite rocket launcher astronomy star planet
cars: car vehicle automotive motor bike bicycle
rail: train station track
transit: transport subway bus mobility
logistics: warehouse delivery freight shipping truck
construction: build building bridge tunnel concrete road site
architecture: architect urban housing
realestate: property housing land
industry: plant manufacture assembly machine
materials: metal glass plastic ceramic composite
chemistry: chemical chemist perfume
electronics: chip circuit sensor laser
software: developer code coding app website programming engineer-software
ai: data model algorithm statistics learning
security: hacking encryption privacy attack
maths: mathematics probability actuary
games: video-game gaming player
cinema: movie film director series television
music: musician song band sound
stage: theatre theater actor dance show
art: artist museum gallery painting drawing exhibition
crafts: craftsman handmade jewel watchmaker pottery
fashion: clothes textile sewing
publishing: book publisher writer writing translator library
press: journalist newspaper news reporter photographer
communication: marketing brand advertising media
events: event conference congress
sales: sell seller trade purchasing buyer shop store
tourism: tourism hotel trip
sport: athlete coach football trainer
care: hospital nurse patient surgery medicine medical care
pharma: drug vaccine clinical trial
biology: genetics cell dna brain neuroscience
mind: psychology psychologist mental burnout therapy
speaking: speech speaking shy
teaching: teach teaching school pupil student university tutor training
youth: child children teenager youth
social: charity nonprofit poverty homeless volunteer inclusion
humanitarian: humanitarian emergency war refugee
justice: court judge lawyer legal prison law
police: police crime investigator customs detective
defence: military army soldier weapon
rescue: fire firefighter ambulance rescue emergency
politics: politics politician election government mayor
publicservice: civil servant ministry administration tax
diplomacy: embassy diplomat european foreign
labour: union wage hiring recruiter recruitment employment unemployed
finance: bank banker loan investment investor fund trading stock money
payment: pay payment currency
insurance: insurer claim
accounting: audit auditor accountant budget
consulting: consultant advisory
startup: founder founding entrepreneurship company
freelance: self-employed independent contractor client
career: career change switch retrain
senior: retirement retired
research: researcher phd doctorate academia academic science scientist lab
patents: patent invention inventor
history: historian archaeology heritage
languages: language linguist interpreter
philosophy: ethics meaning sociology
abroad: abroad expat foreign international
africa: african
asia: asian china japan india
"""
