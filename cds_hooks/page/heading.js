// Where the patient is heading: what was charted, the twin's fit and forecast, events, causes.

import { el, folded, panel, sentences, table } from "./elements.js";
import { colour, overTime } from "./plots.js";
import { aged } from "./standing.js";
import { capital, charted, clock, decimalsOf, interval, percent, span } from "./words.js";

const PAST_H = [6, 12, 24, 48];
const AHEAD_MIN = 360;
const FIGURES = [
  { key: "mean_pressure", title: "Arterial pressure", kinds: [["mean arterial pressure", "dots", "pressure"]], range: true, limit: 65, unit: "mmHg" },
  { key: "heart_rate", title: "Heart rate", kinds: [["heart rate", "dots", "rate"]], unit: "/min" },
  { key: "oxygen_saturation", title: "Oxygen saturation", kinds: [["arterial oxygen saturation", "dots", "saturation"]], limit: 90, unit: "%" },
  { key: "cardiac_output", title: "Cardiac output", kinds: [["cardiac output", "dots", "output"]], unit: "L/min" },
];
const EVENT_WORDS = [
  [/^mean arterial pressure below 65/, "MAP below 65 mmHg"],
  [/^systolic pressure below 90/, "Shock"],
  [/^oxygen saturation below 90/, "SpO₂ below 90 %"],
];

/** Return the panel; `draw()` fills its plots once it stands in the page. */
export function heading(view, pastH, choosePast) {
  const { outlook } = view.twin;
  const places = FIGURES.map((figure) => [figure, el("div", { class: "plot" })]).filter(([figure]) => has(view, figure));
  const made = panel("heading", "Where the patient is heading",
    key(outlook),
    past(pastH, choosePast),
    places.length ? null : el("p", { class: "empty" }, "Nothing is charted that could be drawn over time."),
    places.map(([figure, place]) => el("figure", {},
      el("figcaption", {}, `${figure.title}, ${figure.unit}`, el("span", { class: "fine" }, outlook ? ` ${inWords(outlook, figure)}` : "")),
      place)),
    folded("The same as a table", ...tables(view)));
  const draw = () => {
    for (const [at, [figure, place]] of places.entries()) one(view, figure, place, pastH, at === places.length - 1);
  };
  return { made, draw };
}

function has(view, figure) {
  return view.twin.outlook !== null || figure.kinds.some(([kind]) => view.signs.some((sign) => sign.kind === kind));
}

function key(outlook) {
  return el("p", { class: "fine key" }, "Dots: charted. ",
    outlook ? "Band: simulated on the twin with nothing new done, 90 % interval; dashed: its middle. Dotted line: the limit below which it is counted as an event."
      : "The twin gives no forecast for these data.");
}

function past(pastH, choosePast) {
  return el("fieldset", { class: "choice" }, el("legend", {}, "Look back"), PAST_H.map((hours) =>
    el("label", {}, el("input", { type: "radio", name: "past", value: hours, checked: hours === pastH, on: { change: () => choosePast(hours) } }), ` ${hours} h`)));
}

function points(view, kind, from) {
  const sign = view.signs.find((each) => each.kind === kind);
  if (!sign) return { x: [], y: [] };
  const now = Date.parse(view.at);
  const shown = new Map();
  for (const point of sign.points) {
    const minutes = (Date.parse(point.at) - now) / 60000;
    if (minutes >= from) shown.set(minutes, point.value);
  }
  return { x: [...shown.keys()], y: [...shown.values()] };
}

function one(view, figure, place, pastH, last) {
  const from = -60 * pastH;
  const outlook = view.twin.outlook;
  const rows = [], bands = [];
  if (figure.range) {
    const tops = points(view, "systolic arterial pressure", from), bottoms = points(view, "diastolic arterial pressure", from);
    rows.push({ ...tops, kind: "dots", size: 3, width: 0, colour: colour("soft"), name: "systolic" });
    rows.push({ ...bottoms, kind: "dots", size: 3, width: 0, colour: colour("soft"), name: "diastolic" });
  }
  for (const [kind, drawnAs, name] of figure.kinds) rows.push({ ...points(view, kind, from), kind: drawnAs, colour: colour(name), name: kind });
  const found = outlook?.bands.find((each) => each.key === figure.key);
  if (found) {
    const tint = colour(figure.kinds[0][2]);
    bands.push({ x: outlook.timesMin, low: found.band.low, high: found.band.high, colour: tint });
    rows.push({ x: outlook.timesMin, y: found.band.median, kind: "dashes", colour: tint, name: "forecast" });
  }
  overTime(place, { rows: rows.filter((row) => row.x.length), bands, unit: null, from, to: outlook ? AHEAD_MIN : 0, limit: figure.limit ?? null, height: last ? 150 : 132, sync: "heading", labelled: last });
}

function inWords(outlook, figure) {
  const found = outlook.bands.find((each) => each.key === figure.key);
  const at = outlook.timesMin.indexOf(60);
  if (!found || at < 0) return "";
  const decimals = decimalsOf(figure.key);
  const shown = (place) => interval({ median: found.band.median[place], low: found.band.low[place], high: found.band.high[place] }, found.unit, decimals);
  return `Fit now ${shown(0)}; forecast in 1 h ${shown(at)}.`;
}

function tables(view) {
  const { outlook } = view.twin;
  const signs = FIGURES.flatMap((figure) => figure.kinds.map(([kind]) => view.signs.find((sign) => sign.kind === kind))).filter(Boolean);
  const made = signs.map((sign) => table(`${capital(sign.kind)}, charted`, ["Taken", `Value, ${sign.unit}`, "Device", "Source"],
    sign.points.slice(-24).reverse().map((point) => [clock(point.at), charted(point.value), point.device, point.reference])));
  if (outlook) {
    made.unshift(table("Forecast with nothing new done, simulated: median (90 % interval)",
      ["In", ...outlook.bands.map((band) => `${band.name}, ${band.unit}`)],
      outlook.timesMin.map((minutes, at) => [minutes ? span(minutes) : "now (fit)", ...outlook.bands.map((band) =>
        interval({ median: band.band.median[at], low: band.band.low[at], high: band.band.high[at] }, "", decimalsOf(band.key)))])));
  }
  return made;
}

/** Return the probabilities of events over the horizons. */
export function events(view) {
  const { outlook } = view.twin;
  if (!outlook) return panel("events", "Events ahead, simulated", el("p", { class: "empty" }, view.twin.outcome));
  return panel("events", "Events ahead, simulated, with nothing new done",
    table("Probability of each event within a time", ["Event", ...outlook.horizonsMin.map(span)],
      outlook.events.map((each) => [words(each.event), ...each.within.map((share) => el("span", { class: heat(share) }, percent(share).replace(/ %$/, "\u00a0%")))]), true),
    el("p", { class: "fine" }, `Counted: ${outlook.events.map((each) => each.event).join("; ")}.`),
    sentences(outlook.sentences));
}

function words(event) {
  return EVENT_WORDS.find(([pattern]) => pattern.test(event))?.[1] ?? event;
}

function heat(share) {
  return share >= 0.5 ? "share much" : share >= 0.2 ? "share some" : "share";
}

/** Return why the patient is in trouble, and what would tell the causes apart. */
export function causes(view) {
  const found = view.causes;
  if (!found) {
    return panel("causes", "Likely cause", el("p", { class: "empty" }, "The newest vital signs show no trouble whose cause would be asked for."));
  }
  return panel("causes", "Likely cause, simulated",
    el("p", {}, `In trouble: ${found.troubles.join("; ")} (`, aged(found.takenAt), ")."),
    el("ol", { class: "bars" }, found.candidates.slice(0, 5).map(bar)),
    found.telling.length ? el("p", {}, el("strong", {}, "Would tell them apart best: "), `${found.telling.slice(0, 2).join("; then ")}.`) : null,
    sentences(found.sentences));
}

function bar(candidate) {
  const filled = el("i", { "aria-hidden": "true" });
  filled.style.width = `${100 * candidate.probability}%`;
  return el("li", {}, filled, el("span", {}, capital(candidate.cause)),
    el("strong", {}, percent(candidate.probability)),
    el("span", { class: "fine" }, `were all equally common: ${percent(candidate.probabilityAtEqualRates)}`));
}
