// The heart now: loops and pressure of three plausible circulations, and what the fit says.

import { el, folded, panel, sentences, table } from "./elements.js";
import { colour, loops } from "./plots.js";
import { aged } from "./standing.js";
import { capital, decimalsOf, interval, number } from "./words.js";

const STYLES = [{ name: "soft", dash: [2, 3], width: 1.5 }, { name: "pressure", width: 2.5 }, { name: "saturation", dash: [7, 4], width: 1.5 }];
const FIRST = ["cardiac_output", "stroke_volume", "ejection_fraction", "systemic_resistance", "blood_volume", "central_venous_pressure", "wedge_pressure", "mixed_venous_saturation"];

/** Return the panel; `draw()` fills its plots. */
export function heart(view) {
  const { twin } = view;
  if (!twin.loops.length) {
    return { made: panel("heart", "The heart now, simulated", el("p", { class: "empty" }, twin.outcome), sentences(twin.sentences)), draw: () => {} };
  }
  const loop = el("div", { class: "plot" }), wave = el("div", { class: "plot" });
  const made = panel("heart", "The heart now, simulated",
    el("ul", { class: "legend" }, twin.loops.map((each, at) => el("li", {}, el("i", { class: `line-${at}`, "aria-hidden": "true" }),
      `${capital(each.name)}: cardiac output ${number(each.outputLPerMin, 1)} L/min`))),
    el("div", { class: "pair" },
      el("figure", {}, el("figcaption", {}, "Left ventricle: pressure over volume ", el("span", { class: "fine" }, loopWords(twin.loops[1]))), loop),
      el("figure", {}, el("figcaption", {}, "Aortic pressure ", el("span", { class: "fine" }, waveWords(twin.loops[1]))), wave)),
    el("p", { class: "fine" }, "Three circulations of the fitted ensemble that all reproduce the measurements: of low, middle and high output (10th, 50th and 90th centile). Their pulse is the aorta's; a cuff or a line at the arm shows a larger one, as all other pressures here are shown."),
    estimates(twin));
  const draw = () => {
    loops(loop, twin.loops.map((each, at) => ({ x: each.volumeMl, y: each.pressureMmhg, ...style(at) })), { xLabel: "volume, mL", yLabel: "mmHg" });
    loops(wave, twin.loops.map((each, at) => ({ x: each.aorticMmhg.map((_, place) => place * each.stepS), y: each.aorticMmhg, ...style(at) })), { xLabel: "time, s", yLabel: "mmHg", xRange: [0, 3] });
  };
  return { made, draw };
}

function style(at) {
  const { name, dash, width } = STYLES[at];
  return { colour: colour(name), dash, width };
}

function loopWords({ volumeMl, pressureMmhg }) {
  return `middle: volume ${number(Math.min(...volumeMl))} to ${number(Math.max(...volumeMl))} mL, pressure up to ${number(Math.max(...pressureMmhg))} mmHg`;
}

function waveWords({ aorticMmhg }) {
  return `middle: ${number(Math.max(...aorticMmhg))}/${number(Math.min(...aorticMmhg))} mmHg`;
}

function estimates(twin) {
  const rows = (keys) => twin.estimates.filter((each) => keys(each.key)).map((each) => [
    capital(each.name), interval(each.value, each.unit, decimalsOf(each.key)),
    each.residualSd === null ? "not measured" : `${number(each.residualSd, 1, true)} SD`]);
  const head = ["Quantity", "Twin: median (90 % interval)", "Measured minus twin"];
  return el("div", {},
    el("p", {}, twin.outcome, " ", twin.newestAt ? el("span", { class: "fine" }, "Newest measurement ", aged(twin.newestAt), ".") : null),
    sentences(twin.sentences),
    table("What the twin estimates now", head, rows((key) => FIRST.includes(key)), true),
    folded("Every quantity", table("Every other quantity of the twin", head, rows((key) => !FIRST.includes(key)), true)));
}
