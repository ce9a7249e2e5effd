// The workbench: up to three plans, dragged, compared on the twin, one handed back as a draft.

import { compare, propose, SessionEnded } from "./api.js";
import { el, panel, sentences, table, wide } from "./elements.js";
import { changeItem, complete, editor, emptyItem, ends, inWords, itemFrom, stopItem, written } from "./plan_items.js";
import { colour, overTime } from "./plots.js";
import { capital, decimalsOf, interval, percent, span } from "./words.js";

const NAMES = ["Plan A", "Plan B", "Plan C"];
const TINTS = ["plan-a", "plan-b", "plan-c"];
const DASHES = [undefined, [8, 4], [2, 3]];
const HORIZONS = [10, 30, 60, 120];
const SHOWN = [
  ["mean_pressure", "Mean arterial pressure", "mmHg", 65],
  ["cardiac_output", "Cardiac output", "L/min", null],
  ["heart_rate", "Heart rate", "/min", null],
  ["oxygen_saturation", "Oxygen saturation", "%", null],
];
const GOAL = "Goal: MAP at least 65 mmHg, cardiac index at least 2.2 L/min/m² and SpO₂ at least 92 %, all at once.";
const DRAG_REST_MS = 80;

/** What is planned; it outlives every new view, so that news never wipes a plan. */
export function newBench() {
  return { plans: NAMES.map((name) => ({ name, items: [] })), horizon: 30, shown: "state", answer: null };
}

/** Return the panel of options and workbench; `draw()` fills its plots; `ended` ends the page. */
export function workbench(view, bench, ended) {
  if (!view.twin.advisable) {
    return { made: panel("bench", "What an intervention would do", el("p", { class: "empty" }, `Nothing can be simulated. ${view.twin.outcome}`), sentences(view.twin.sentences)), draw: () => {} };
  }
  const self = { view, bench, ended, pending: null, timer: null };
  self.plans = el("div", { class: "plans" });
  self.results = el("div", { class: "results" });
  self.said = el("p", { class: "verdict", role: "status" });
  showPlans(self);
  const made = panel("bench", "What an intervention would do, simulated",
    options(self),
    el("h3", {}, "Workbench"),
    el("p", { class: "fine" }, "Choose a treatment, drag its dose, and see it against doing nothing new. Up to three plans side by side. ", GOAL),
    el("div", { class: "choices" }, horizons(self), whatIsDrawn(self)), self.plans, self.said, self.results);
  return { made, draw: () => (bench.answer ? showAnswer(self, bench.answer) : showResults(self, null)), refresh: () => simulate(self, 0) };
}

function options(self) {
  const { options: found, optionPlans } = self.view;
  if (!found || found.notSimulated) return null;
  const rows = found.ranking.map((each) => {
    const plan = found.plans.find((one) => one.name === each.name);
    return [each.name, change(plan, "mean_pressure", "mmHg"), change(plan, "cardiac_output", "L/min"), percent(each.probabilityGoal), percent(each.probabilityWorse),
      el("button", { type: "button", class: "quiet", on: { click: () => take(self, optionPlans.find((one) => one.name === each.name)) }, "aria-label": `Try ${each.name} in the workbench` }, "Try")];
  });
  return el("div", {},
    el("p", { class: "answer" }, found.verdict),
    wide("Options", table(`Options a team would weigh first, ${span(found.horizonMin)} after their start; change against doing nothing new with 90 % interval`,
      ["Option", "MAP", "Cardiac output", "Goal met", "Worse off", "Workbench"], rows), true));
}

function change(plan, key, unit) {
  const band = plan.change[key];
  const last = band.median.length - 1;
  return interval({ median: band.median[last], low: band.low[last], high: band.high[last] }, unit, decimalsOf(key), true);
}

function take(self, plan) {
  const items = plan.items.map((each) => itemFrom(each, self.view.choices)).filter(Boolean)
    .map((item) => ({ ...item, running: self.view.running.find((each) => each.choice === item.choice.key) }));
  const free = self.bench.plans.find((each) => !each.items.length) ?? self.bench.plans[0];
  free.items = items;
  showPlans(self);
  simulate(self, 0);
  self.plans.children[self.bench.plans.indexOf(free)]?.scrollIntoView({ block: "nearest" });
}

function horizons(self) {
  return el("fieldset", { class: "choice" }, el("legend", {}, "Look ahead"), HORIZONS.map((minutes) =>
    el("label", {}, el("input", { type: "radio", name: "ahead", value: minutes, checked: minutes === self.bench.horizon, on: {
      change: () => { self.bench.horizon = minutes; simulate(self, 0); },
    } }), ` ${span(minutes)}`)));
}

function whatIsDrawn(self) {
  return el("fieldset", { class: "choice" }, el("legend", {}, "Draw"), [["state", "values"], ["change", "change against doing nothing new"]].map(([key, word]) =>
    el("label", {}, el("input", { type: "radio", name: "drawn", value: key, checked: key === self.bench.shown, on: {
      change: () => { self.bench.shown = key; if (self.bench.answer) showAnswer(self, self.bench.answer); },
    } }), ` ${word}`)));
}

function showPlans(self) {
  self.plans.replaceChildren(...self.bench.plans.map((plan, at) => planCard(self, plan, at)));
}

function planCard(self, plan, at) {
  const redo = () => { showPlans(self); simulate(self, 0); };
  const lines = plan.items.map((item, place) => editor(item, () => simulate(self, DRAG_REST_MS), () => { plan.items.splice(place, 1); redo(); }));
  return el("section", { class: `plan ${TINTS[at]}`, "aria-label": plan.name },
    el("h4", {}, el("i", { class: "swatch", "aria-hidden": "true" }), plan.name),
    lines, adder(self, plan, redo), handBack(self, plan));
}

function adder(self, plan, redo) {
  const groups = Map.groupBy ? Map.groupBy(self.view.choices, (each) => each.group) : grouped(self.view.choices);
  const select = el("select", { "aria-label": `Add a treatment to ${plan.name}` },
    el("option", { value: "" }, plan.items.length ? "Add another treatment" : "Choose a treatment"),
    whatRuns(self),
    [...groups].map(([group, choices]) => el("optgroup", { label: group }, choices.map((each) => el("option", { value: each.key }, each.label)))));
  select.addEventListener("change", () => {
    const item = chosen(self, select.value);
    if (!item) return;
    plan.items.push(item);
    redo();
    self.plans.children[self.bench.plans.indexOf(plan)]?.querySelector("fieldset:last-of-type input[type=number]")?.focus();
  });
  return el("p", { class: "adder" }, select);
}

function whatRuns(self) {
  const { running } = self.view;
  if (!running.length) return null;
  return el("optgroup", { label: "Running now" }, running.flatMap((each, at) => [
    each.choice ? el("option", { value: `change/${at}` }, `Change ${each.label}`) : null,
    el("option", { value: `stop/${at}` }, `Stop ${each.label}`)]));
}

function chosen(self, key) {
  const [deed, place] = key.split("/");
  const running = self.view.running[Number(place)];
  if (deed === "stop" && running) return stopItem(running);
  const wanted = deed === "change" && running ? running.choice : key;
  const choice = self.view.choices.find((each) => each.key === wanted);
  if (!choice) return null;
  const same = self.view.running.find((each) => each.choice === wanted);
  return deed === "change" ? changeItem(running, choice) : same ? { ...emptyItem(choice), running: same } : emptyItem(choice);
}

function grouped(choices) {
  const groups = new Map();
  for (const each of choices) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}

function asked(bench) {
  return bench.plans.filter((plan) => plan.items.length && plan.items.every(complete))
    .map((plan) => ({ name: plan.name, items: plan.items.map(written) }));
}

/** Ask for the comparison once nothing was dragged for a moment; an older question is dropped. */
function simulate(self, restMs) {
  clearTimeout(self.timer);
  self.timer = setTimeout(async () => {
    self.pending?.abort();
    const plans = asked(self.bench);
    if (!plans.length) {
      self.bench.answer = null;
      return showResults(self, null);
    }
    const question = self.pending = new AbortController();
    self.results.setAttribute("aria-busy", "true");
    try {
      self.bench.answer = await compare(plans, self.bench.horizon, question.signal);
      showAnswer(self, self.bench.answer);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error instanceof SessionEnded) return self.ended();
      say(self, error.message, true);
    }
    if (self.pending === question) self.results.removeAttribute("aria-busy");
  }, restMs);
}

function say(self, text, wrong = false) {
  self.said.textContent = text;
  self.said.classList.toggle("caution", wrong);
}

function showAnswer(self, answer) {
  const refused = answer.refusals.map((each) => `${each.name} was not simulated. ${capital(each.sentence)}`);
  const verdict = answer.plans.length ? answer.verdict : null;
  say(self, answer.notSimulated ?? [...refused, verdict].filter(Boolean).join(" "), refused.length > 0);
  showResults(self, answer.plans.length ? answer : null);
}

function showResults(self, answer) {
  if (!answer) {
    self.results.replaceChildren(el("p", { class: "empty" }, "No complete plan yet: the curves appear here as soon as a dose is chosen."));
    return;
  }
  const places = SHOWN.map((figure) => [figure, el("div", { class: "plot" })]);
  self.results.replaceChildren(
    el("ul", { class: "legend" }, el("li", {}, el("i", { class: "swatch nothing", "aria-hidden": "true" }), "Nothing new done"),
      answer.plans.map((plan) => el("li", {}, el("i", { class: `swatch ${tint(plan)}`, "aria-hidden": "true" }), `${plan.name}: ${described(self, plan)}`))),
    el("div", { class: "pair" }, places.map(([[, title, unit], place]) => el("figure", {}, el("figcaption", {}, self.bench.shown === "change" ? `Change of ${title.toLowerCase()}, ${unit}` : `${title}, ${unit}`), place))),
    summary(answer),
    sentences(answer.sentences));
  for (const [figure, place] of places) drawOne(answer, figure, place, self.bench.shown);
}

function tint(plan) {
  return TINTS[NAMES.indexOf(plan.name)];
}

function described(self, plan) {
  return self.bench.plans.find((each) => each.name === plan.name)?.items.map(inWords).join("; ") ?? "";
}

function drawOne(answer, [key, , , limit], place, shown) {
  const x = answer.timesMin;
  const all = [[answer.nothingDone, colour("soft"), [1, 0]], ...answer.plans.map((plan) => [plan, colour(tint(plan)), DASHES[NAMES.indexOf(plan.name)]])];
  const rows = all.map(([course, stroke, dash]) => ({ x, y: course[shown][key].median, kind: "line", colour: stroke, dash, name: course.name }));
  const bands = all.map(([course, stroke]) => ({ x, low: course[shown][key].low, high: course[shown][key].high, colour: stroke }));
  const near = shown === "state" && limit !== null && all.some(([course]) => Math.min(...course.state[key].low) < limit + 10) ? limit : null;
  overTime(place, { rows, bands, unit: null, from: 0, to: x.at(-1), limit: near, height: 160, labelled: false });
}

function summary(answer) {
  const last = answer.timesMin.length - 1;
  const at = (course, key) => ({ median: course.state[key].median[last], low: course.state[key].low[last], high: course.state[key].high[last] });
  const cells = (course) => SHOWN.map(([key, , unit]) => interval(at(course, key), unit, decimalsOf(key)));
  const plans = answer.plans.map((plan) => {
    const placed = answer.ranking.find((each) => each.name === plan.name);
    return [plan.name, ...SHOWN.map(([key, , unit]) => el("span", {}, interval(at(plan, key), unit, decimalsOf(key)), el("br"), el("strong", {}, change(plan, key, unit)))),
      percent(placed.probabilityGoal), percent(placed.probabilityMapBelow65), percent(placed.probabilityWorse)];
  });
  return wide("Figures of the plans", table(
    `After ${span(answer.horizonMin)}: median (90 % interval), in bold the change against doing nothing new`,
    ["Plan", ...SHOWN.map(([, title]) => title), "Goal met", "MAP below 65 at some minute", "Worse off"],
    [["Nothing new done", ...cells(answer.nothingDone), percent(answer.goalMetWithNothingDone), percent(answer.mapBelow65WithNothingDone), "0 %"], ...plans]));
}

/** Hand a plan back: first what would be written is shown, then it is. */
function handBack(self, plan) {
  const place = el("div", { class: "hand-back" });
  const ask = el("button", { type: "button", disabled: !plan.items.length, on: { click: () => confirm(self, plan, place, ask) } },
    self.view.mayPropose ? "Hand back as draft" : "Show as draft to copy");
  return el("div", {}, ask, place);
}

function confirm(self, plan, place, ask) {
  if (!plan.items.every(complete)) {
    place.replaceChildren(el("p", { class: "caution", role: "alert" }, "Choose every amount first."));
    return;
  }
  const where = self.view.mayPropose ? "They are created at the EHR as draft proposals; nothing is ordered until somebody signs them." : "The EHR did not allow this app to create orders, so that they can only be copied.";
  const nothingToWrite = plan.items.every(ends);
  const go = el("button", { type: "button", class: "primary" }, nothingToWrite ? "Show what to end" : self.view.mayPropose ? "Create the draft" : "Show the draft");
  const back = el("button", { type: "button", class: "quiet", on: { click: () => { place.replaceChildren(); ask.focus(); } } }, "Cancel");
  go.addEventListener("click", () => send(self, plan, place, go));
  place.replaceChildren(sentences(plan.items.map(inWords)), el("p", { class: "fine" }, nothingToWrite ? "Nothing is written: what runs is ended in the EHR." : where), go, back);
  go.focus();
}

async function send(self, plan, place, go) {
  go.disabled = true;
  try {
    const done = await propose({ name: plan.name, items: plan.items.map(written) });
    place.replaceChildren(...outcome(done));
  } catch (error) {
    if (error instanceof SessionEnded) return self.ended();
    place.replaceChildren(el("p", { class: "caution", role: "alert" }, error.message));
  }
}

function outcome(done) {
  const parts = [];
  if (done.toEnd.length) {
    parts.push(el("div", { class: "caution", role: "alert" }, done.toEnd.map((each) => el("p", {}, each))));
  }
  if (done.created.length) {
    parts.push(el("p", { class: "done", role: "status" }, `Created as draft proposal: ${done.created.join(", ")}. Sign or discard it in the EHR.`));
  }
  if (done.toCopy.length) {
    const text = JSON.stringify(done.toCopy, null, 1);
    parts.push(el("p", { class: "caution", role: "alert" }, done.whyToCopy),
      el("textarea", { readonly: true, rows: 8, "aria-label": "Drafts as FHIR JSON" }, text));
  }
  return parts;
}
