// The page: follows the state that the server sends, and sends what is pressed back to it.
import { arrows, h, reconcile } from "./draw.js";
import * as slack from "./slack.js";
import * as telegram from "./telegram.js";
import { fullMoment, label, shortMoment, switchLanguage, w } from "./words.js";

const at = (id) => document.getElementById(id);
const seen = { slack: new Map(), telegram: new Map() };
const chosen = { slack: null, telegram: null };
let state = null;
let tab = "messages";
let received = 0;
let waiting = 0;

// ---- to the server ---------------------------------------------------------------------------

async function send(act) {
  waiting += 1;
  at("busy").textContent = w("busy");
  try {
    const response = await fetch("/act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(act) });
    const answer = await response.json();
    trouble(answer.ok ? (answer.note ? w(answer.note) : "") : `${w("failed")} ${answer.error}`);
    return answer;
  } catch {
    trouble(w("lost"));
    return null;
  } finally {
    waiting -= 1;
    if (!waiting) at("busy").textContent = "";
  }
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

// ---- who is played ---------------------------------------------------------------------------

const person = (platform) => state.personas.find((p) => p.id === chosen[platform]);
const account = (platform, who) => (platform === "slack" ? who.slack : who.telegram);
const screen = (platform, who) => state[platform][account(platform, who)];

function choose(platform, id) {
  chosen[platform] = id;
  if (platform === "slack") tab = "messages";
  draw();
  const box = at(`${platform}-messages`);
  box.scrollTop = box.scrollHeight;
}

function unread(platform, who) {
  const read = seen[platform].get(who.id) ?? 0;
  return screen(platform, who).messages.filter((m) => m.bot).length - read;
}

function drawPeople(platform) {
  const people = state.personas.filter((p) => account(platform, p));
  const current = person(platform);
  seen[platform].set(current.id, screen(platform, current).messages.filter((m) => m.bot).length);
  reconcile(at(`${platform}-people`), people.map((p) => {
    const count = unread(platform, p);
    const on = p.id === current.id;
    return {
      key: p.id, print: `${count} ${on} ${w("send")}`,
      make: () => h("button", { type: "button", class: "person", "aria-pressed": String(on), "data-name": p.id, onclick: () => choose(platform, p.id) },
        h("span", { class: "first" }, p.name.split(" ")[0]), h("small", {}, w("role", p.role)),
        count > 0 && h("span", { class: "count" }, String(count), h("span", { class: "hidden" }, ` ${w("unread")}`))),
    };
  }));
  const others = people.filter((p) => p.id !== current.id).reduce((sum, p) => sum + Math.max(0, unread(platform, p)), 0);
  document.querySelector(`[data-pane=${platform}] .count`).textContent = others || "";
}

// A deep link pressed anywhere opens Telegram: with one's own account there, where there is one.
function deepLink(payload) {
  const mine = person("slack");
  if (mine.telegram) choose("telegram", mine.id);
  showPane("telegram");
  return send({ do: "telegram.start", user: person("telegram").telegram, payload });
}

// ---- drawing ---------------------------------------------------------------------------------

function draw() {
  if (!state) return;
  for (const platform of ["slack", "telegram"]) {
    chosen[platform] ??= state.personas.find((p) => account(platform, p) && p.opens === platform)?.id
      ?? state.personas.find((p) => account(platform, p)).id;
    drawPeople(platform);
  }
  drawSlack();
  drawTelegram();
  drawBehind();
  tick();
}

function drawSlack() {
  const who = person("slack");
  const view = screen("slack", who);
  const act = { send, deep: deepLink };
  for (const name of ["messages", "home"]) {
    at(`tab-${name}`).setAttribute("aria-selected", String(tab === name));
    at(`tab-${name}`).tabIndex = tab === name ? 0 : -1;
    at(`slack-${name}`).hidden = tab !== name;
  }
  at("slack-form").hidden = tab !== "messages";
  slack.drawMessages(at("slack-messages"), at("slack-log"), who, view, act);
  slack.drawHome(at("slack-home"), who, view, act);
  slack.drawModal(at("modal"), who, view, act);
}

function drawTelegram() {
  const who = person("telegram");
  const view = screen("telegram", who);
  const user = who.telegram;
  const act = {
    deep: (payload) => send({ do: "telegram.start", user, payload }),
    say: (text) => send({ do: "telegram.say", user, text }),
    press: async (message, button) => toast(await send({ do: "telegram.press", user, message, button })),
  };
  telegram.drawMessages(at("telegram-messages"), at("telegram-log"), who, view, act);
  telegram.drawCommands(at("telegram-commands"), at("telegram-command-list"), view.commands, act);
  at("telegram-start").hidden = view.started;
  at("telegram-form").hidden = !view.started;
  const asked = telegram.asked(view);
  at("telegram-composer").placeholder = asked || w("writeTelegram");
  at("telegram-form").classList.toggle("asked", asked !== null);
}

let toastTimer = 0;
function toast(answer) {
  if (!answer?.toast) return;
  at("toast").textContent = answer.toast;
  at("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { at("toast").hidden = true; }, 4000);
}

// How a row's message begins, as its platform stored it.
function excerpt(row) {
  const [chat, id] = (row.message ?? "").split("/");
  const found = row.platform === "slack"
    ? Object.values(state.slack).flatMap((view) => view.messages).find((m) => m.ts === id)?.text
    : state.telegram[chat]?.messages.find((m) => String(m.id) === id)?.json.text;
  const text = (found ?? "").replace(/\s+/g, " ");
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function drawBehind() {
  const byAccount = new Map(state.personas.flatMap((p) => [[p.slack, p.name], [String(p.telegram), p.name]]));
  reconcile(at("outbox"), state.outbox.map((row) => ({
    key: String(row.id), print: JSON.stringify(row) + excerpt(row) + w("send"),
    make: () => h("tr", { class: row.state },
      h("td", {}, h("span", { class: "op" }, w("op", row.op)), " ", h("span", { class: "excerpt" }, excerpt(row)), h("code", { class: "key-of" }, row.key)),
      h("td", {}, byAccount.get(row.chat) ?? row.to ?? row.chat, h("small", { class: row.platform }, row.platform)),
      h("td", {}, h("span", { class: `state ${row.state}` }, w("state", row.state)), row.reason && h("small", {}, row.reason)),
      h("td", {}, shortMoment(row.due)), h("td", {}, row.sent ? shortMoment(row.sent) : "—")),
  })));
  reconcile(at("timers"), state.timers.length
    ? state.timers.map((t) => ({ key: String(t.id), print: String(t.due) + w("send"), make: () => h("li", {}, h("time", {}, fullMoment(t.due)), " ", h("code", {}, t.key)) }))
    : [{ key: "none", print: w("nothing"), make: () => h("li", {}, w("nothing")) }]);
}

// The demo's clock runs like any other; the server only says when it jumps.
function tick() {
  if (!state) return;
  const now = state.now + performance.now() - received;
  at("now").textContent = fullMoment(now);
  at("now").dateTime = new Date(now).toISOString();
  at("next-due").textContent = state.next_due ? `· ${shortMoment(state.next_due)}` : `· ${w("next_none")}`;
}

// ---- what people do --------------------------------------------------------------------------

async function say(platform, field) {
  const text = field.value.trim();
  if (!text) return;
  const user = account(platform, person(platform));
  if (platform === "slack" && text.startsWith("/") && !/^\/cordee(\s|$)/.test(text)) {
    trouble(`${text.split(/\s/)[0]} ${w("notACommand")}`);
    return;
  }
  field.value = "";
  await send({ do: `${platform}.say`, user, text });
}

for (const platform of ["slack", "telegram"]) {
  const form = at(`${platform}-form`);
  const field = at(`${platform}-composer`);
  form.addEventListener("submit", (event) => { event.preventDefault(); say(platform, field); });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say(platform, field);
  });
}

at("telegram-start").querySelector("button").addEventListener("click", () =>
  send({ do: "telegram.start", user: person("telegram").telegram }).then(() => at("telegram-composer").focus()));

arrows(at("telegram-commands"), () => {
  at("telegram-commands").open = false;
  at("telegram-commands").querySelector("summary").focus();
});

function openTab(name) {
  tab = name;
  draw();
  return send({ do: "slack.tab", user: person("slack").slack, tab: name });
}
for (const name of ["messages", "home"]) {
  at(`tab-${name}`).addEventListener("click", () => openTab(name));
  at(`tab-${name}`).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = name === "home" ? "messages" : "home";
    openTab(other);
    at(`tab-${other}`).focus();
  });
}

function showPane(name) {
  document.querySelector(".panes").dataset.shown = name;
  for (const button of document.querySelectorAll("[data-pane]")) button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  const box = at(`${name}-messages`);
  box.scrollTop = box.scrollHeight;
}
for (const button of document.querySelectorAll("[data-pane]")) button.addEventListener("click", () => showPane(button.dataset.pane));

for (const button of document.querySelectorAll("[data-clock]")) {
  button.addEventListener("click", () =>
    send(button.dataset.clock === "next" ? { do: "clock.next" } : { do: "clock.on", days: Number(button.dataset.clock) }));
}

// A menu closes when one presses elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(event.target)) open.open = false;
});

function language() {
  label(document);
  at("language").textContent = w("other");
}
at("language").addEventListener("click", () => {
  switchLanguage();
  language();
  for (const id of ["slack-log", "telegram-log", "slack-home"]) at(id).replaceChildren();
  draw();
});

language();
setInterval(tick, 1000);
const events = new EventSource("/events");
events.onopen = () => trouble("");
events.onerror = () => trouble(w("lost"));
events.onmessage = (event) => {
  const first = state === null;
  state = JSON.parse(event.data);
  received = performance.now();
  draw();
  if (first) for (const box of document.querySelectorAll(".scroll")) box.scrollTop = box.scrollHeight;
};
