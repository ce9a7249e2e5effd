// The portal: a patient's chart with an app in a frame, as many EHRs show SMART apps.

import { nameOf, personal } from "./chart.js";
import { search } from "./ehr.js";
import { element, place } from "./elements.js";
import { launchAddress } from "./launching.js";

async function start() {
  const settings = await (await fetch("/order-entry/settings")).json();
  if (!settings.apps.length) {
    place("said").textContent = "No app is registered at this sandbox.";
    return;
  }
  const patients = await search("Patient", { _sort: "identifier" });
  place("patients").replaceChildren(
    ...patients.flatMap((patient) => settings.apps.map((app) => entry(patient, app))),
  );
}

function entry(patient, app) {
  const address = launchAddress(app, { id: patient.id });
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", id: `open-${patient.id}`, onclick: () => show(patient, address) },
      element("strong", {}, nameOf(patient)),
      element("span", {}, personal(patient)),
    ),
    element(
      "a",
      { class: "app-link", href: address, target: "_blank", rel: "noopener noreferrer" },
      "Open in a new tab",
    ),
  );
}

function show(patient, address) {
  place("said").textContent = "";
  place("chart-title").replaceChildren(nameOf(patient));
  // A new frame each time: the history of the old one would hold another patient's pages.
  place("app").replaceChildren(
    element("iframe", { src: address, title: "CardioTwin", class: "app-frame" }),
  );
}

start();
