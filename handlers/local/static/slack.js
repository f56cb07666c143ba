// The Slack pane: Block Kit, drawn from the JSON that the local Slack stored.
import { arrows, asJson, dayRow, h, keepScroll, link, menu, reconcile, timeOf, withDays } from "./draw.js";
import { w } from "./words.js";

const millis = (ts) => Math.round(Number(ts) * 1000);

// ---- text ------------------------------------------------------------------------------------

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const MARK = /<([^<>|]+)(?:\|([^<>]*))?>|```([^]+?)```|`([^`\n]+)`|\*([^*\n]+)\*|(?<![\w])_([^_\n]+)_(?![\w])|~([^~\n]+)~/g;

// mrkdwn, as far as Slack's reference goes: links, mentions, bold, italic, struck, code.
export function mrkdwn(text, deep) {
  const out = [];
  let at = 0;
  for (const m of text.matchAll(MARK)) {
    out.push(unescape(text.slice(at, m.index)));
    at = m.index + m[0].length;
    if (m[1] && /^[@#!]/.test(m[1])) out.push(h("span", { class: "mention" }, m[2] ?? m[1]));
    else if (m[1]) out.push(link(unescape(m[1]), unescape(m[2] ?? m[1]), deep));
    else if (m[3]) out.push(h("pre", {}, unescape(m[3])));
    else if (m[4]) out.push(h("code", {}, unescape(m[4])));
    else if (m[5]) out.push(h("strong", {}, ...mrkdwn(m[5], deep)));
    else if (m[6]) out.push(h("em", {}, ...mrkdwn(m[6], deep)));
    else if (m[7]) out.push(h("s", {}, ...mrkdwn(m[7], deep)));
  }
  out.push(unescape(text.slice(at)));
  return out;
}

const words = (text, deep) => (text.type === "mrkdwn" ? mrkdwn(text.text, deep) : [text.text]);

function richText(element, deep) {
  const inner = () => (element.elements ?? []).map((e) => richText(e, deep));
  switch (element.type) {
    case "rich_text_preformatted": return h("pre", { tabindex: "0" }, inner());
    case "rich_text_quote": return h("blockquote", {}, inner());
    case "rich_text_list": return h(element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((e) => h("li", {}, richText(e, deep))));
    case "rich_text_section": return h("p", {}, inner());
    case "link": return link(element.url, element.text ?? element.url, deep);
    case "text": {
      let node = document.createTextNode(element.text);
      for (const [style, tag] of [["bold", "strong"], ["italic", "em"], ["strike", "s"], ["code", "code"]])
        if (element.style?.[style]) node = h(tag, {}, node);
      return node;
    }
    default: return h("span", { class: "mention" }, element.user_id ?? element.name ?? element.type);
  }
}

// ---- elements of messages and Home -----------------------------------------------------------

const options = (element) => [...(element.options ?? []), ...(element.option_groups ?? []).flatMap((g) => g.options)];

// What a person means by an element: a button by what it carries, a menu by its block.
const nameOf = (block, element) => element.value ?? (element.type === "button" ? element.text.text : block.block_id);

function interactive(block, element, surface) {
  const name = `${block.block_id} ${element.action_id}`;
  const send = (value) => surface.press(nameOf(block, element), value);
  if (element.type === "button") {
    const attributes = {
      type: "button", "data-name": name, "aria-label": element.accessibility_label, class: `button ${element.style ?? ""}`,
      onclick: async () => { await surface.settle(); await send(undefined); },
    };
    if (!element.url) return h("button", attributes, element.text.text);
    const anchor = link(element.url, element.text.text, surface.deep, name);
    anchor.className = attributes.class;
    anchor.addEventListener("click", () => send(undefined));
    return anchor;
  }
  if (/^(static_select|external_select|overflow|radio_buttons)$/.test(element.type)) return oneOf(block, element, surface, name);
  if (/^(multi_static_select|checkboxes)$/.test(element.type)) return manyOf(block, element, surface, name);
  if (element.type === "datepicker") {
    const held = surface.state?.[block.block_id]?.[element.action_id]?.selected_date ?? element.initial_date ?? "";
    const input = h("input", { type: "date", value: held, "data-name": name, "aria-label": element.placeholder?.text ?? name });
    return h("span", { class: "date" }, input,
      h("button", { type: "button", class: "button", "data-name": `${name} ok`, onclick: () => input.value && send(input.value) }, w("done")));
  }
  return h("span", { class: "unknown" }, element.type);
}

function oneOf(block, element, surface, name) {
  const held = surface.state?.[block.block_id]?.[element.action_id]?.selected_option ?? element.initial_option;
  const shown = options(element).find((o) => o.value === held?.value);
  const title = element.type === "overflow" ? "⋯" : shown?.text.text ?? element.placeholder?.text ?? w("choose");
  return menu({
    name, title, className: element.type === "overflow" ? "overflow" : "select",
    options: options(element).map((o) => ({ label: o.text.text, value: o.value })),
    onChoose: (option) => surface.press(block.block_id, option.value),
  });
}

// Slack sends what is chosen when the menu closes; so do we, and before any button is pressed.
function manyOf(block, element, surface, name) {
  const state = surface.state?.[block.block_id]?.[element.action_id]?.selected_options ?? element.initial_options ?? [];
  const all = options(element);
  let sent = JSON.stringify(state.map((o) => o.value).sort());
  const boxes = all.map((o, n) => h("input", { type: "checkbox", value: o.value, checked: state.some((s) => s.value === o.value), "data-name": `${name} ${n}` }));
  const chosen = () => boxes.filter((b) => b.checked).map((b) => b.value);
  const title = h("summary", { "data-name": name });
  const say = () => {
    const labels = all.filter((o) => chosen().includes(o.value)).map((o) => o.text.text);
    title.textContent = labels.join(", ") || element.placeholder?.text || w("choose");
  };
  const commit = async () => {
    const now = JSON.stringify(chosen().sort());
    if (now === sent) return;
    sent = now;
    await surface.press(block.block_id, chosen());
  };
  const box = h("details", { class: "menu select many", ontoggle: () => box.open || commit() }, title,
    h("div", { class: "options" }, all.map((o, n) => h("label", { class: "option" }, boxes[n], o.text.text))));
  box.addEventListener("change", say);
  arrows(box, () => { box.open = false; title.focus(); });
  surface.pending.push(commit);
  say();
  return box;
}

// ---- blocks ----------------------------------------------------------------------------------

function drawBlock(block, surface) {
  const deep = surface.deep;
  switch (block.type) {
    case "header": return h("h3", {}, block.text.text);
    case "divider": return h("hr");
    case "context": return h("p", { class: "context" }, block.elements.map((e) => (e.type === "image" ? e.alt_text : words(e, deep))));
    case "actions": return h("div", { class: "actions" }, block.elements.map((e) => interactive(block, e, surface)));
    case "section": return h("div", { class: "section" },
      h("div", { class: "words" },
        block.text && h("p", {}, words(block.text, deep)),
        block.fields && h("div", { class: "fields" }, block.fields.map((f) => h("p", {}, words(f, deep))))),
      block.accessory && h("div", { class: "accessory" }, interactive(block, block.accessory, surface)));
    case "rich_text": return h("div", { class: "rich" }, block.elements.map((e) => richText(e, deep)));
    case "markdown": return h("p", {}, block.text);
    case "image": return h("p", { class: "context" }, block.alt_text);
    case "table": return h("div", { class: "rich" }, h("table", {}, block.rows.map((row) => h("tr", {}, row.map((c) => h("td", {}, c.text ?? (c.elements ?? []).map((e) => richText(e, deep))))))));
    default: return h("p", { class: "unknown" }, block.type);
  }
}

function drawBlocks(blocks, surface) {
  surface.pending = [];
  surface.settle = async () => { for (const commit of surface.pending) await commit(); };
  return blocks.map((block) => drawBlock(block, surface));
}

// ---- the pane --------------------------------------------------------------------------------

export function drawMessages(box, log, person, view, act) {
  const messages = view.messages;
  let before = null;
  const rows = withDays(messages, (m) => millis(m.ts)).map(({ day, message }) => {
    if (day) {
      before = null;
      return dayRow(day);
    }
    const { state, ...stored } = message;
    const follows = isSequel(before, message);
    before = message;
    return { key: `m ${message.ts}`, print: JSON.stringify(stored) + follows, make: () => drawMessage(person, message, follows, act) };
  });
  if (!rows.length) rows.push({ key: "empty", print: "", make: () => h("p", { class: "empty" }, w("emptySlack")) });
  keepScroll(box, () => reconcile(log, rows));
}

// Slack names the author once for what is said within five minutes.
function isSequel(before, message) {
  return before !== null && before.bot === message.bot && !before.ephemeral && !message.ephemeral
    && millis(message.ts) - millis(before.ts) < 5 * 60_000;
}

function drawMessage(person, message, follows, act) {
  const { state, ...stored } = message;
  const surface = {
    state, deep: act.deep,
    press: (action, value) => act.send({ do: "slack.press", user: person.slack, ts: message.ts, action, value: value ?? null }),
  };
  const name = message.bot ? "Cordée" : person.name;
  const classes = ["message", message.bot ? "bot" : "own", message.ephemeral && "ephemeral", follows && "follows"];
  return h("article", { class: classes.filter(Boolean).join(" "), "aria-label": name },
    h("span", { class: `face ${message.bot ? "bot" : person.id}`, "aria-hidden": "true" }, follows ? "" : name[0]),
    h("div", { class: "body" },
      !follows && h("p", { class: "who" }, h("strong", {}, name), message.bot && h("span", { class: "app" }, "APP"), timeOf(millis(message.ts)),
        message.ephemeral && h("span", { class: "only" }, `👁 ${w("onlyYou")}`)),
      message.blocks.length ? drawBlocks(message.blocks, surface) : message.text && h("p", { class: "text" }, mrkdwn(message.text, act.deep)),
      message.edited && h("span", { class: "edited" }, `(${w("edited")})`),
      message.files.map((f) => f.picture ? h("img", { class: "picture", src: `/file/slack/${f.id}`, alt: f.alt, "data-name": f.id }) : h("a", { class: "file", href: `/file/slack/${f.id}`, download: f.name, "data-name": f.id },
        h("span", { "aria-hidden": "true" }, "📄 "), f.title || f.name, h("small", {}, ` ${f.size} ${w("bytes")}`))),
      asJson(stored)));
}

export function drawHome(box, person, view, act) {
  const home = view.home;
  const row = home
    ? { key: home.id, print: home.hash + JSON.stringify(home.view), make: () => drawHomeView(person, home, act) }
    : { key: "none", print: "", make: () => h("p", { class: "empty" }, w("emptyHome")) };
  keepScroll(box, () => reconcile(box, [row]));
}

function drawHomeView(person, home, act) {
  const surface = {
    state: home.state, deep: act.deep,
    press: (action, value) => act.send({ do: "slack.view", user: person.slack, view: home.id, action, value: value ?? null }),
  };
  return h("div", { class: "homeview" }, drawBlocks(home.view.blocks, surface), asJson(home.view));
}

// ---- modals ----------------------------------------------------------------------------------

export function drawModal(dialog, person, view, act) {
  const top = view?.views.at(-1);
  const print = top ? `${top.id} ${top.hash}` : "";
  if (!top) {
    if (dialog.open) dialog.close();
    dialog.dataset.print = "";
    return;
  }
  if (dialog.dataset.print !== print) {
    dialog.dataset.print = print;
    fillModal(dialog, person, top, act);
  }
  if (!dialog.open) dialog.showModal();
}

function fillModal(dialog, person, top, act) {
  const view = top.view;
  const fields = [];
  const surface = {
    state: top.state, deep: act.deep,
    press: (action, value) => act.send({ do: "slack.view", user: person.slack, view: top.id, action, value: value ?? null }),
  };
  const close = () => act.send({ do: "slack.close", user: person.slack });
  const submit = async (event) => {
    event.preventDefault();
    await surface.settle();
    const values = Object.fromEntries(fields.map((f) => [f.id, f.read()]));
    const done = await act.send({ do: "slack.submit", user: person.slack, view: top.id, values });
    showErrors(fields, done?.errors ?? {});
  };
  surface.pending = [];
  surface.settle = async () => { for (const commit of surface.pending) await commit(); };
  const body = view.blocks.map((block) => {
    if (block.type !== "input") return drawBlock(block, surface);
    const field = inputField(block, top.state[block.block_id]?.[block.element.action_id] ?? {});
    fields.push(field);
    return field.node;
  });
  dialog.replaceChildren(h("form", { method: "dialog", onsubmit: submit },
    h("header", {}, h("h2", { id: "modal-title" }, view.title.text),
      h("button", { type: "button", class: "cross", "aria-label": w("close"), onclick: close }, "✕")),
    h("div", { class: "fieldset" }, body, asJson(view)),
    h("footer", {},
      h("button", { type: "button", class: "button", onclick: close }, view.close?.text ?? w("close")),
      view.submit && h("button", { type: "submit", class: "button primary" }, view.submit.text))));
  dialog.oncancel = (event) => { event.preventDefault(); close(); };
  dialog.querySelector("input, textarea, select")?.setAttribute("autofocus", "");
}

// An input block, and how to read it as Slack's client would.
function inputField(block, held) {
  const element = block.element;
  const id = `in-${block.block_id}`;
  const { control, read, grouped } = inputControl(element, held, id);
  const error = h("p", { class: "error", id: `${id}-error`, role: "alert" });
  const title = [block.label.text, block.optional && h("small", {}, ` ${w("optional")}`)];
  const hint = block.hint && h("p", { class: "hint", id: `${id}-hint` }, block.hint.text);
  const described = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  const node = grouped
    ? h("fieldset", { class: "field", "aria-describedby": described }, h("legend", {}, title), control, hint, error)
    : h("div", { class: "field" }, h("label", { for: id }, title), control, hint, error);
  if (!grouped) control.setAttribute("aria-describedby", described);
  return { id: block.block_id, node, read, error };
}

function inputControl(element, held, id) {
  const all = options(element);
  const single = held.selected_option?.value ?? element.initial_option?.value;
  const several = (held.selected_options ?? element.initial_options ?? []).map((o) => o.value);
  const ticks = (type, on) => all.map((o) => h("label", { class: "tick" },
    h("input", { type, name: id, value: o.value, checked: on(o.value) }), h("span", {}, o.text.text)));
  const ticked = (control) => [...control.querySelectorAll("input:checked")].map((i) => i.value);
  if (element.type === "radio_buttons") {
    const control = h("div", {}, ticks("radio", (v) => v === single));
    return { control, grouped: true, read: () => ticked(control)[0] ?? null };
  }
  if (element.type === "checkboxes" || element.type === "multi_static_select") {
    const control = h("div", { class: all.length > 10 ? "long" : "" }, ticks("checkbox", (v) => several.includes(v)));
    return { control, grouped: true, read: () => ticked(control) };
  }
  if (element.type === "static_select") {
    const control = h("select", { id }, h("option", { value: "" }, element.placeholder?.text ?? w("choose")),
      all.map((o) => h("option", { value: o.value, selected: o.value === single }, o.text.text)));
    return { control, read: () => control.value || null };
  }
  const text = held.value ?? held.selected_date ?? element.initial_value ?? element.initial_date ?? "";
  const shared = { id, placeholder: element.placeholder?.text, maxlength: element.max_length };
  const kind = { datepicker: "date", timepicker: "time", email_text_input: "email", number_input: "text" }[element.type] ?? "text";
  const control = element.multiline ? h("textarea", { ...shared, rows: "4" }) : h("input", { ...shared, type: kind });
  control.value = text;
  return { control, read: () => control.value || null };
}

function showErrors(fields, errors) {
  for (const field of fields) field.error.textContent = errors[field.id] ?? "";
  const first = fields.find((f) => errors[f.id]);
  first?.node.querySelector("input, textarea, select")?.focus();
}
