// Where the patient stands: banner, the one sentence, the newest values, the risk.

import { el, folded, panel, sentences } from "./elements.js";
import { age, capital, charted, clock, percent } from "./words.js";

const TILES = [
  ["mean arterial pressure", "Mean pressure"],
  ["systolic arterial pressure", "Systolic"],
  ["diastolic arterial pressure", "Diastolic"],
  ["heart rate", "Heart rate"],
  ["arterial oxygen saturation", "SpO₂"],
  ["respiratory rate", "Breathing"],
  ["body temperature", "Temperature"],
  ["lactate", "Lactate"],
  ["urine output", "Urine"],
  ["consciousness (ACVPU)", "Consciousness"],
  ["inspired oxygen fraction", "Inspired O₂"],
];

/** Return an age that goes on counting: `refreshAges` writes it. */
export function aged(at) {
  return el("time", { datetime: at, title: clock(at), class: "age" });
}

/** Write every age anew. */
export function refreshAges(now, root = document) {
  for (const each of root.querySelectorAll("time.age")) each.textContent = age(Date.parse(each.dateTime), now);
}

/** Fill the banner; it stays hidden where the EHR shows whose chart it is. */
export function showBanner(place, view) {
  const { banner } = view;
  place.hidden = banner === null;
  if (banner === null) return place.replaceChildren();
  place.replaceChildren(
    el("strong", { class: "who" }, banner.name),
    el("span", {}, `born ${banner.birth_date}`), el("span", {}, banner.sex), el("span", {}, banner.identifier));
}

/** Return the first panel: the sentence and the newest values. */
export function standing(view) {
  const { state } = view;
  return el("section", { class: `panel standing level-${state.level}`, id: "stand", "aria-labelledby": "headline" },
    el("p", { class: "level" }, state.because),
    el("h1", { id: "headline" }, state.headline),
    sentences(state.beside, "beside"),
    tiles(view.signs),
    el("p", { class: "fine" }, `The twin is fitted to a person of ${view.body}.`));
}

function tiles(signs) {
  const newest = new Map(signs.map((sign) => [sign.kind, { ...sign.points.at(-1), unit: sign.unit }]));
  const shown = TILES.filter(([kind]) => newest.has(kind));
  if (!shown.length) return el("p", { class: "empty" }, "No vital signs are charted in the last 48 hours.");
  return el("dl", { class: "tiles" }, shown.map(([kind, word]) => tile(word, newest.get(kind))));
}

function tile(word, point) {
  // A fraction is said as the percentage that stands on the ventilator.
  const shown = word === "Inspired O₂" ? { value: 100 * point.value, unit: "%" } : point;
  const doubt = [point.preliminary && "preliminary", point.inferred && "derived"].filter(Boolean).join(", ");
  return el("div", { class: "tile" },
    el("dt", {}, word),
    el("dd", {}, el("strong", {}, point.said ?? charted(shown.value)), point.said ? null : ` ${shown.unit}`),
    el("dd", { class: "fine" }, aged(point.at), doubt ? `, ${doubt}` : ""));
}

/** Return the risk with basis, age, parts and what is missing. */
export function risk(view) {
  const found = view.risk;
  if (found.notEstimated) {
    return panel("risk", "Risk", el("p", { class: "empty" }, found.notEstimated));
  }
  const value = found.value;
  return panel("risk", "Risk of death in hospital, estimated",
    el("p", { class: `figure level-${found.level}` },
      el("strong", {}, percent(value.median)), ` (90 % interval ${percent(value.low)} to ${percent(value.high)})`),
    scale(found),
    found.unlikeBecause ? el("p", { class: "caution" }, `Unlike the patients the model learnt from${found.unlikeBecause.length ? `: ${found.unlikeBecause.join("; ")}` : ""}. Trust the figure less.`) : null,
    el("dl", { class: "pairs" },
      pair("NEWS2", el("span", {}, el("strong", {}, String(found.news2)), ` points, ${found.news2Level}`,
        found.news2Missing.length ? `; not charted, scored 0: ${found.news2Missing.join(", ")}` : "")),
      Object.entries(found.parts).map(([name, share]) => pair(name, percent(share))),
      found.movers.length ? pair("Moved it most", found.movers.map((mover) => `${mover.name} (${mover.raises ? "raises" : "lowers"})`).join(", ")) : null,
      pair("Basis", `${percent(found.completeness)} of the model's 36 series were recorded`),
      found.newestAt ? pair("Newest value", aged(found.newestAt)) : null),
    folded("What is missing, how it was made",
      el("p", { class: "fine" }, `Not recorded: ${found.missing.join(", ") || "nothing"}.`),
      el("p", { class: "fine" }, `${capital(found.basis)}. Not validated outside that data set. Model: ${found.release}.`)));
}

function pair(word, value) {
  return el("div", {}, el("dt", {}, word), el("dd", {}, value));
}

/** A meter from 0 to 100 % with the interval and the population's rate; the words stand beside it. */
function scale({ value, populationRate }) {
  const place = (share) => Math.min(100, Math.max(0, 100 * share));
  const band = el("i", { class: "span" }), mark = el("i", { class: "mark" }), usual = el("i", { class: "usual" });
  band.style.left = `${place(value.low)}%`;
  band.style.width = `${Math.max(place(value.high) - place(value.low), 0.5)}%`;
  mark.style.left = `${place(value.median)}%`;
  usual.style.left = `${place(populationRate)}%`;
  return el("div", {},
    el("div", { class: "scale", "aria-hidden": "true" }, band, usual, mark),
    el("p", { class: "fine" }, `Of the patients the model learnt from, ${percent(populationRate)} died (thin line).`));
}
