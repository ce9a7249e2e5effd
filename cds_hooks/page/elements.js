// Elements made of values. No text becomes markup here or anywhere in the page: children are text
// nodes or elements, attributes are set one by one.

/** Return an element. `attributes` may hold `on: {event: handler}`; false and null are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false).map(calm));
  return made;
}

/** Return a text without the signs that turn the direction of writing: a name is read as it is. */
function calm(child) {
  return typeof child === "string" ? child.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, "") : child;
}

/** Return a wide table in a box of its own that scrolls, with the keyboard too. */
export function wide(label, made, narrow = false) {
  return el("div", { class: narrow ? "wide narrow" : "wide", tabindex: 0, role: "region", "aria-label": label }, made);
}

/** Return a table with a caption, a head and rows; the first cell of each row heads it. */
export function table(caption, head, rows, hidden = false) {
  return el("table", {},
    el("caption", hidden ? { class: "only-heard" } : {}, caption),
    el("thead", {}, el("tr", {}, head.map((each) => el("th", { scope: "col" }, each)))),
    el("tbody", {}, rows.map(([first, ...others]) =>
      el("tr", {}, el("th", { scope: "row" }, first), others.map((each) => el("td", {}, each))))));
}

/** Return a panel with a heading. */
export function panel(id, title, ...children) {
  return el("section", { class: "panel", id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), ...children);
}

/** Return the one panel of a page that shows nothing of a patient. */
export function notice(id, title, ...children) {
  return el("section", { class: "panel notice-panel", id, "aria-labelledby": `${id}-title` },
    el("h1", { id: `${id}-title` }, title), ...children);
}

/** Return a list of sentences, or nothing where there is none. */
export function sentences(lines, className = "fine") {
  return lines.length ? el("ul", { class: className }, lines.map((line) => el("li", {}, line))) : null;
}

/** Return a folded part of the page. */
export function folded(summary, ...children) {
  return el("details", {}, el("summary", {}, summary), ...children);
}
