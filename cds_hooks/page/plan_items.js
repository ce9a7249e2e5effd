// One line of a plan: which treatment, how much, when. Nothing is chosen in advance: an amount that
// was not chosen is not simulated.

import { el } from "./elements.js";
import { capital, clock } from "./words.js";

const STEPS = 1000;
let made = 0;

/** Return an empty line for a treatment. */
export function emptyItem(choice) {
  return { choice, amount: null, over: null, start: 0, until: null };
}

/** Return the line that ends what runs. */
export function stopItem(running) {
  return { choice: { label: `Stop ${running.label}`, item: running.stop, amount: null }, running, start: 0 };
}

/** Return the line that gives what runs another rate; it begins at the rate that runs. */
export function changeItem(running, choice) {
  return { ...emptyItem(choice), amount: running.rate, running };
}

/** Return the line that stands for an item as the server writes it. */
export function itemFrom(written, choices) {
  const choice = choices.find((each) => Object.entries(each.item).every(([name, value]) => written[name] === value));
  if (!choice) return null;
  return { choice, amount: written[choice.amountMember], over: choice.over ? written.over_min ?? null : null, start: written.start_min ?? 0, until: written.for_min ?? null };
}

/** Return whether everything that must be chosen is. */
export function complete(item) {
  if (ends(item)) return true;
  return Number.isFinite(item.amount) && (!needsTime(item.choice) || Number.isFinite(item.over));
}

/** Return whether the line ends what runs: no draft can do that. */
export function ends(item) {
  return item.choice.amount === null;
}

function needsTime(choice) {
  return choice.item.kind === "fluid";
}

/** Return the item as the server reads it. */
export function written(item) {
  const { choice } = item;
  if (ends(item)) return { ...choice.item, start_min: item.start || 0 };
  const sent = { ...choice.item, [choice.amountMember]: item.amount, start_min: item.start || 0 };
  if (choice.over && Number.isFinite(item.over)) sent.over_min = item.over;
  if (choice.mayEnd && Number.isFinite(item.until)) sent.for_min = item.until;
  if (item.running?.stop.order) sent.replaces = item.running.stop.order;
  return sent;
}

/** Return a line of a plan in words. */
export function inWords(item) {
  const { choice } = item;
  if (ends(item)) return item.start ? `${choice.label}, in ${plain(item.start)} min` : choice.label;
  const parts = [item.running ? `${choice.label} changed from ${item.running.amount} to` : choice.label];
  if (!Number.isFinite(item.amount)) return `${choice.label}: no amount chosen`;
  const amount = `${plain(item.amount)} ${choice.amount.unit}`;
  if (item.running) parts[0] += ` ${amount}`;
  else parts.push(amount);
  if (choice.over && item.over) parts.push(`over ${plain(item.over)} min`);
  if (item.start) parts.push(`in ${plain(item.start)} min`);
  if (choice.mayEnd && item.until) parts.push(`for ${plain(item.until)} min`);
  return parts.join(", ");
}

function plain(value) {
  return String(Number(value.toPrecision(4)));
}

/** Return the editor of one line; `changed` is called after every change, `removed` at its end. */
export function editor(item, changed, removed) {
  const { choice } = item;
  const id = `item-${++made}`;
  if (ends(item)) return ending(item, id, changed, removed);
  const range = choice.amount;
  const slider = el("input", { type: "range", id: `${id}-slider`, min: 0, max: STEPS, step: 1, class: item.amount === null ? "unset" : "", "aria-label": `${choice.label}, ${range.unit}` });
  const field = el("input", { type: "number", id: `${id}-amount`, step: "any", inputmode: "decimal", "aria-describedby": `${id}-range`, placeholder: "choose" });
  const show = () => {
    slider.value = item.amount === null ? 0 : toPlace(range, item.amount);
    slider.classList.toggle("unset", item.amount === null);
    slider.setAttribute("aria-valuetext", item.amount === null ? "not chosen" : `${plain(item.amount)} ${range.unit}`);
  };
  slider.addEventListener("input", () => {
    item.amount = fromPlace(range, Number(slider.value));
    field.value = plain(item.amount);
    show();
    changed();
  });
  field.addEventListener("input", () => {
    item.amount = field.value === "" ? null : Number(field.value);
    show();
    changed();
  });
  if (item.amount !== null) field.value = plain(item.amount);
  show();
  return el("fieldset", { class: "item" },
    el("legend", {}, item.running ? `Change ${choice.label.toLowerCase()}` : choice.label),
    item.running ? nowRunning(item.running) : null,
    el("div", { class: "amount" }, slider,
      el("label", { for: `${id}-amount`, class: "only-heard" }, `Amount of ${choice.label}`),
      field, el("span", {}, range.unit)),
    el("p", { class: "fine", id: `${id}-range` }, `Given to adults: ${plain(range.low)} to ${plain(range.high)} ${range.unit}. `, el("span", { class: "source" }, range.source)),
    el("div", { class: "times" },
      choice.over ? minutes(`${id}-over`, needsTime(choice) ? "over" : "over (0: at once)", item.over, (value) => { item.over = value; changed(); }) : null,
      minutes(`${id}-start`, "begins in (0: now)", item.start, (value) => { item.start = value ?? 0; changed(); }),
      choice.mayEnd ? minutes(`${id}-until`, "stops after (empty: goes on)", item.until, (value) => { item.until = value; changed(); }) : null,
      el("button", { type: "button", class: "quiet", on: { click: removed }, "aria-label": `Remove ${choice.label}` }, "Remove")));
}

function nowRunning(running) {
  return el("p", { class: "fine running" }, `Runs at ${running.amount} since ${clock(running.since)}. A new rate takes its place.`);
}

function ending(item, id, changed, removed) {
  return el("fieldset", { class: "item" },
    el("legend", {}, item.choice.label),
    el("p", { class: "fine running" }, `${item.running.amount}, since ${clock(item.running.since)}.`),
    el("div", { class: "times" },
      minutes(`${id}-start`, "ends in (0: now)", item.start, (value) => { item.start = value ?? 0; changed(); }),
      el("button", { type: "button", class: "quiet", on: { click: removed }, "aria-label": `Remove: ${item.choice.label}` }, "Remove")));
}

function minutes(id, label, value, changed) {
  const field = el("input", { type: "number", id, min: 0, step: "any", inputmode: "decimal", value: value ?? "" });
  field.addEventListener("input", () => changed(field.value === "" ? null : Number(field.value)));
  return el("span", { class: "time" }, el("label", { for: id }, capital(label)), field, "min");
}

/** Doses that span more than twentyfold are dragged along a logarithm, others evenly. */
function logarithmic({ low, high }) {
  return low > 0 && high / low > 20;
}

function fromPlace(range, place) {
  const share = place / STEPS;
  const value = logarithmic(range) ? range.low * (range.high / range.low) ** share : range.low + share * (range.high - range.low);
  const rounded = Number(value.toPrecision(2));
  return Math.min(range.high, Math.max(range.low, rounded));
}

function toPlace(range, value) {
  const held = Math.min(range.high, Math.max(range.low, value));
  const share = logarithmic(range) ? Math.log(held / range.low) / Math.log(range.high / range.low) : (held - range.low) / (range.high - range.low);
  return Math.round(STEPS * share);
}
