// Building elements, and putting a new picture in place of the old without losing focus or scroll.
// Text only ever becomes text nodes: nothing that was sent can become mark-up of this page.
import { clockTime, dayName, w } from "./words.js";

export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

// Keep the nodes whose key and content are the same; replace, add and remove the others.
export function reconcile(parent, items) {
  const held = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && { key: focused.closest("[data-key]")?.dataset.key, name: focused.dataset.name };
  let before = null;
  const wanted = new Set(items.map((item) => item.key));
  for (const [key, node] of held) if (!wanted.has(key)) node.remove();
  for (const { key, print, make } of items) {
    let node = held.get(key);
    if (!node || node.dataset.print !== print) {
      const made = make();
      made.dataset.key = key;
      made.dataset.print = print;
      if (node) node.replaceWith(made);
      node = made;
    }
    const next = before ? before.nextSibling : parent.firstChild;
    if (node !== next) parent.insertBefore(node, next);
    before = node;
  }
  if (focused && !focused.isConnected) refocus(parent, place);
}

// The element of the same meaning, else the message it was in, so that Tab goes on from there.
function refocus(parent, place) {
  const holder = place?.key && parent.querySelector(`[data-key="${CSS.escape(place.key)}"]`);
  const same = holder && place.name && holder.querySelector(`[data-name="${CSS.escape(place.name)}"]`);
  const target = same || holder || parent.lastElementChild;
  if (!target) return;
  if (target !== same) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

// Change something in a scrolled box: at its end one stays at the end, elsewhere where one was.
export function keepScroll(box, change) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const top = box.scrollTop;
  change();
  const end = () => { box.scrollTop = box.scrollHeight; };
  if (!atEnd) { box.scrollTop = top; return; }
  end();
  for (const picture of box.querySelectorAll("img")) {
    if (!picture.complete) picture.addEventListener("load", end, { once: true });
  }
}

// Days between messages, as both platforms show them.
export function withDays(messages, at) {
  const out = [];
  let day = "";
  for (const message of messages) {
    const name = dayName(at(message));
    if (name !== day) out.push({ day: (day = name) });
    out.push({ message });
  }
  return out;
}

export const dayRow = (name) => ({
  key: `day ${name}`, print: name, make: () => h("div", { class: "day" }, h("span", {}, name)),
});

export const timeOf = (ms) => h("time", { datetime: new Date(ms).toISOString() }, clockTime(ms));

// What the platform's server stored, on demand.
export function asJson(content) {
  const pre = h("pre", { tabindex: "0" });
  const fill = (event) => {
    if (event.target.open && !pre.textContent) pre.textContent = JSON.stringify(content, null, 2);
  };
  return h("details", { class: "json", ontoggle: fill }, h("summary", { "data-name": "json" }, w("json")), pre);
}

// A menu: closed it says what is chosen, open it is a list of buttons for the arrow keys.
export function menu({ name, title, options, onChoose, className = "" }) {
  const close = () => {
    box.open = false;
    box.querySelector("summary").focus();
  };
  const entries = options.map((option, n) =>
    h("button", {
      type: "button", class: "option", "data-name": `${name} ${n}`,
      onclick: () => { close(); onChoose(option); },
    }, option.node ?? option.label));
  const box = h("details", { class: `menu ${className}` },
    h("summary", { "data-name": name }, title), h("div", { class: "options" }, entries));
  arrows(box, close);
  return box;
}

export function arrows(box, close) {
  box.addEventListener("keydown", (event) => {
    const all = [...box.querySelectorAll(".options button, .options input")];
    const at = all.indexOf(document.activeElement);
    if (event.key === "Escape" && box.open) {
      event.stopPropagation();
      close();
    } else if (box.open && ["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? all.length - 1 : at - 1, Home: 0, End: all.length - 1 }[event.key];
      all[(to + all.length) % all.length]?.focus();
    }
  });
}

// A link that the bot sent: a deep link starts the Telegram pane, anything else opens a new tab.
export function link(url, text, onDeepLink, name) {
  const payload = deepLink(url);
  if (payload !== null) {
    const go = (event) => { event.preventDefault(); onDeepLink(payload); };
    return h("a", { href: url, "data-name": name ?? url, onclick: go }, text);
  }
  if (!/^(https?|mailto|tel|tg):/i.test(url)) return h("span", {}, text);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer", "data-name": name ?? url }, text);
}

export function deepLink(url) {
  try {
    const parts = new URL(url);
    return parts.hostname === "t.me" ? parts.searchParams.get("start") : null;
  } catch {
    return null;
  }
}
