// The Telegram pane: messages and keyboards, drawn from the JSON that the local Telegram stored.
import { asJson, dayRow, h, keepScroll, link, reconcile, timeOf, withDays } from "./draw.js";
import { w } from "./words.js";

const TAGS = { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "span" };

// Text with entities; their offsets count UTF-16 units, as JavaScript's strings do.
export function withEntities(text, entities, act) {
  const tree = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const between = (from, to) => {
    const out = [];
    let at = from;
    while (tree.length && tree[0].offset < to) {
      const entity = tree.shift();
      if (entity.offset < at) continue;
      out.push(text.slice(at, entity.offset));
      at = Math.min(entity.offset + entity.length, to);
      const inner = between(entity.offset, at);
      out.push(wrap(entity, inner, text.slice(entity.offset, at), act));
    }
    out.push(text.slice(at, to));
    return out;
  };
  return between(0, text.length);
}

function wrap(entity, inner, raw, act) {
  if (entity.type === "bot_command") {
    return h("button", { type: "button", class: "link", "data-name": raw, onclick: () => act.say(raw) }, inner);
  }
  if (entity.type === "url" || entity.type === "text_link") {
    return link(entity.url ?? (/^\w+:/.test(raw) ? raw : `https://${raw}`), inner, act.deep);
  }
  if (entity.type === "email") return link(`mailto:${raw}`, inner, act.deep);
  const attributes = entity.type === "pre" ? { tabindex: "0" } : {};
  return TAGS[entity.type] ? h(TAGS[entity.type], attributes, inner) : h("span", { class: "mention" }, inner);
}

export function drawMessages(box, log, person, view, act) {
  const last = view.messages.at(-1)?.id;
  const rows = withDays(view.messages, (m) => m.at).map(({ day, message }) => {
    if (day) return dayRow(day);
    const isLast = message.id === last;
    return {
      key: `m ${message.id}`, print: JSON.stringify(message) + isLast,
      make: () => drawMessage(person, message, isLast, act),
    };
  });
  if (!rows.length) rows.push({ key: "about", print: view.description, make: () => h("p", { class: "about" }, view.description || w("nothing")) });
  keepScroll(box, () => reconcile(log, rows));
}

function drawMessage(person, message, isLast, act) {
  const stored = message.json;
  const markup = stored.reply_markup ?? {};
  const text = stored.text ?? stored.caption ?? "";
  const name = message.bot ? "Cordée" : person.name;
  return h("article", { class: `bubble ${message.bot ? "bot" : "own"}`, "aria-label": name },
    h("div", { class: "paper" },
      message.file?.picture && h("img", { class: "picture", src: `/file/telegram/${person.telegram}/${message.id}`, alt: text, "data-name": "file" }),
      message.file && !message.file.picture && h("a", { class: "file", href: `/file/telegram/${person.telegram}/${message.id}`, download: message.file.name, "data-name": "file" },
        h("span", { "aria-hidden": "true" }, "📄 "), message.file.name, h("small", {}, ` ${message.file.size} ${w("bytes")}`)),
      text && h("div", { class: "text" }, withEntities(text, stored.entities ?? stored.caption_entities, act)),
      h("p", { class: "meta" }, asJson(stored), message.edited && h("span", { class: "edited" }, w("edited")), timeOf(message.at))),
    markup.inline_keyboard && h("div", { class: "keyboard" }, markup.inline_keyboard.map((row) => h("div", { class: "row" }, row.map((b) => key(b, message, act))))),
    isLast && markup.keyboard && h("div", { class: "keyboard" }, markup.keyboard.map((row) => h("div", { class: "row" }, row.map((b) => key(typeof b === "string" ? { text: b } : b, message, act))))));
}

function key(button, message, act) {
  const name = button.callback_data ?? button.text;
  if (button.url) {
    const anchor = link(button.url, `${button.text} ↗`, act.deep, name);
    anchor.className = "key";
    return anchor;
  }
  return h("button", { type: "button", class: `key ${button.style ?? ""}`, "data-name": name, onclick: () => act.press(message.id, name) }, button.text);
}

// The menu of commands, as setMyCommands left it for this person.
export function drawCommands(details, list, commands, act) {
  reconcile(list, commands.length
    ? commands.map((c) => ({
      key: c.command, print: c.description,
      make: () => h("button", {
        type: "button", class: "option", "data-name": c.command,
        onclick: () => { details.open = false; details.querySelector("summary").focus(); act.say(`/${c.command}`); },
      }, h("strong", {}, `/${c.command}`), " ", c.description),
    }))
    : [{ key: "none", print: "", make: () => h("p", {}, w("noCommands")) }]);
}

// What the last message asks the client to do with its input field.
export function asked(view) {
  const markup = view.messages.at(-1)?.json.reply_markup;
  return markup?.force_reply ? markup.input_field_placeholder ?? "" : null;
}
