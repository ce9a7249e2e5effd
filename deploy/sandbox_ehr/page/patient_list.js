// The list of patients: name, age and situation of each, and which one is open.

import { nameOf, personal } from "./chart.js";
import { search } from "./ehr.js";
import { element, place } from "./elements.js";

/** Show every patient of the FHIR server; `open` is called with the one that is chosen. */
export async function listPatients(open) {
  const [patients, stays] = await Promise.all([
    search("Patient", { _sort: "identifier" }),
    search("Encounter", {}),
  ]);
  place("patients").replaceChildren(
    ...patients.map((patient) => {
      const stay = stays.find((each) => each.subject?.reference === `Patient/${patient.id}`);
      const situation = stay?.reasonCode?.[0]?.text ?? "";
      const choose = () => open(patient, stay, situation);
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", id: `open-${patient.id}`, onclick: choose },
          element("strong", {}, nameOf(patient)),
          element("span", {}, personal(patient)),
          element("small", {}, situation),
        ),
      );
    }),
  );
}

/** Mark one patient of the list as the open one. */
export function markOpen(patient) {
  for (const button of place("patients").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.id === `open-${patient.id}`));
  }
}
