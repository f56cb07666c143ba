// The page's own words, the only ones in it: everything else is what the bot sent.
const WORDS = {
  fr: {
    demo: "démonstration", skip: "Aller au message à écrire", clock: "L’horloge de la démonstration",
    oneDay: "+1 jour", threeWeeks: "+3 semaines", next: "Prochaine échéance", platforms: "Plateforme montrée",
    whoSlack: "Qui parle sur Slack", whoTelegram: "Qui parle sur Telegram", slackTabs: "Onglets de l’application",
    messages: "Messages", home: "Accueil", slackLog: "Messages sur Slack", telegramLog: "Messages sur Telegram",
    writeSlack: "Écrire à Cordée, ou /cordee aide", writeTelegram: "Écrire à Cordée", send: "Envoyer", start: "Démarrer",
    menu: "Menu", outbox: "La boîte d’envoi", timers: "À venir",
    outboxWhat: "Tout ce que le robot dit passe par là, dans la même transaction que sa cause.",
    colWhat: "Quoi", colWho: "À qui", colState: "État", colDue: "Prévu", colSent: "Envoyé",
    onlyYou: "Visible de vous seul", edited: "modifié", json: "JSON", emptyHome: "Rien n’est encore publié ici.",
    close: "Fermer", optional: "(facultatif)", choose: "Choisir…", done: "Valider", busy: "En cours…",
    lost: "Liaison perdue avec la démonstration. Est-elle arrêtée ?", nothing: "Rien pour l’instant.",
    timeout: "Le robot n’a pas répondu à temps.", required: "À remplir.", unread: "non lus", bytes: "octets",
    noCommands: "Aucune commande.", emptySlack: "Écrivez un premier mot : « bonjour ».", you: "vous",
    notACommand: "n’est pas une commande d’ici. Essayez /cordee aide.", failed: "Cela n’a pas marché :",
    refusals: "refus d’une plateforme", other: "English", chosen: "choisis", next_none: "aucune",
    role: { student: "étudiante", mentor: "accompagnateur", laureate: "lauréate", sponsor: "parrain", staff: "équipe" },
    state: { queued: "en attente", sending: "en cours", sent: "envoyé", in_doubt: "douteux", failed: "échoué", expired: "périmé", cancelled: "annulé" },
    op: { post: "message", replace: "remplacement", edit: "modification", delete: "suppression", file: "fichier", ephemeral: "éphémère", home: "accueil" },
  },
  en: {
    demo: "demo", skip: "Go to the message to write", clock: "The demo’s clock",
    oneDay: "+1 day", threeWeeks: "+3 weeks", next: "Next due", platforms: "Platform shown",
    whoSlack: "Who speaks on Slack", whoTelegram: "Who speaks on Telegram", slackTabs: "Tabs of the app",
    messages: "Messages", home: "Home", slackLog: "Messages on Slack", telegramLog: "Messages on Telegram",
    writeSlack: "Message Cordée, or /cordee help", writeTelegram: "Message Cordée", send: "Send", start: "Start",
    menu: "Menu", outbox: "The outbox", timers: "Coming",
    outboxWhat: "Everything the bot says goes through here, in the same transaction as its cause.",
    colWhat: "What", colWho: "To whom", colState: "State", colDue: "Due", colSent: "Sent",
    onlyYou: "Only visible to you", edited: "edited", json: "JSON", emptyHome: "Nothing is published here yet.",
    close: "Close", optional: "(optional)", choose: "Choose…", done: "Done", busy: "Working…",
    lost: "The demo does not answer. Has it been stopped?", nothing: "Nothing for now.",
    timeout: "The bot did not answer in time.", required: "Please fill in.", unread: "unread", bytes: "bytes",
    noCommands: "No commands.", emptySlack: "Write a first word: “bonjour”.", you: "you",
    notACommand: "is no command here. Try /cordee help.", failed: "That did not work:",
    refusals: "refused by a platform", other: "Français", chosen: "chosen", next_none: "none",
    role: { student: "student", mentor: "mentor", laureate: "laureate", sponsor: "sponsor", staff: "staff" },
    state: { queued: "queued", sending: "sending", sent: "sent", in_doubt: "in doubt", failed: "failed", expired: "expired", cancelled: "cancelled" },
    op: { post: "message", replace: "replacement", edit: "edit", delete: "deletion", file: "file", ephemeral: "ephemeral", home: "home" },
  },
};

const KEY = "cordee-language";
const ZONE = "Europe/Paris";
let language = localStorage.getItem(KEY) === "en" ? "en" : "fr";

export const current = () => language;
export const w = (name, key) => (key === undefined ? WORDS[language][name] : WORDS[language][name][key] ?? key);

export function switchLanguage() {
  language = language === "fr" ? "en" : "fr";
  localStorage.setItem(KEY, language);
}

// The words of the page itself, wherever an element asks for one.
export function label(root) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = w(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", w(node.dataset.label));
  for (const node of root.querySelectorAll("[data-holder]")) node.placeholder = w(node.dataset.holder);
}

const shaped = (options) => (ms) => new Intl.DateTimeFormat(language, { timeZone: ZONE, ...options }).format(ms);
export const clockTime = shaped({ hour: "2-digit", minute: "2-digit" });
export const dayName = shaped({ weekday: "long", day: "numeric", month: "long" });
export const shortMoment = shaped({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const fullMoment = shaped({ weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
