// What is recorded beside the vital signs, and where everything comes from.

import { el, folded, panel, sentences, table } from "./elements.js";
import { readReleases } from "./api.js";
import { aged } from "./standing.js";
import { clock, percent } from "./words.js";

/** Return the recorded treatments, or nothing where none is recorded. */
export function treatments(view) {
  if (!view.treatments.length) return null;
  return panel("given", "Given, as recorded",
    table("Recorded administrations", ["Treatment", "From", "Until", "In the simulation"], view.treatments.map((each) => [
      each.label, clock(each.start), each.end ? clock(each.end) : "still running",
      each.simulated ? "known to the twin" : `left out: ${each.whyNot}`]), true));
}

/** Return the drawer of provenance; the models are read when it is opened first. */
export function provenance(view) {
  const { provenance: found, twin } = view;
  const models = el("div", {}, el("p", { class: "fine" }, "Reading the release cards."));
  let asked = false;
  const drawer = el("details", { class: "panel drawer", id: "provenance", on: {
    toggle: () => { if (drawer.open && !asked) { asked = true; fill(models); } },
  } },
    el("summary", {}, el("h2", {}, "Where this comes from")),
    el("p", {}, `${found.readings} readings of ${found.references.length} resources were used. The twin keeps ${twin.measurements} measurements; revision ${twin.revision}, fitted `, aged(twin.updatedAt), `, model ${twin.modelVersion.slice(0, 12)}.`),
    list("Not used, and why", found.notUsed), list("Missing", found.missing),
    folded("Resources used", sentences(found.references)),
    el("h3", {}, "Models"), models);
  return drawer;
}

function list(title, lines) {
  return el("div", {}, el("h3", {}, title), lines.length ? sentences(lines) : el("p", { class: "fine" }, "Nothing."));
}

async function fill(place) {
  try {
    const models = await readReleases();
    place.replaceChildren(el("p", {}, `Twin, version ${models.twinVersion.slice(0, 12)}. ${models.twin}`), ...models.releases.map(release));
  } catch (error) {
    place.replaceChildren(el("p", { class: "caution" }, error.message));
  }
}

function release(each) {
  return el("article", {},
    el("h4", {}, `${each.name} ${each.version}`),
    el("p", { class: "fine digest" }, `Reads: ${each.task}. Says: ${each.outputs.join(", ")}. Learnt from: ${each.population}. Weights: ${each.digest}.`),
    el("ul", { class: "fine" }, each.levels.map((level) => el("li", {}, `${level.level} from ${percent(level.value)}: sensitivity ${percent(level.sensitivity)}, specificity ${percent(level.specificity)} on held-out stays`))),
    folded(`Its ${each.attributes.length} source attributes`, el("dl", { class: "attributes" }, each.attributes.map(({ title, text }) =>
      el("div", {}, el("dt", {}, title), el("dd", {}, text))))));
}
