// A patient's chart in words and elements: who, what is wrong, what is given, which pictures there are.

import { search } from "./ehr.js";
import { element, webAddress } from "./elements.js";
import { described } from "./orders.js";
import { ago, newest } from "./vital_signs.js";

// Records come from whoever wrote to the sandbox, so anything but the id may be missing.

/** A patient's name. */
export function nameOf(patient) {
  const name = patient.name?.[0];
  return (
    name?.text ??
    ([...(name?.given ?? []), name?.family].filter(Boolean).join(" ") || `Unnamed, ${patient.id}`)
  );
}

/** Age and sex in words. */
export function personal(patient) {
  const years = Math.floor((Date.now() - new Date(patient.birthDate)) / 31557600000);
  return `${Number.isNaN(years) ? "age unknown" : `${years} years`}, ${patient.gender ?? "sex unknown"}`;
}

/** Everything that the chart shows of a patient. */
export async function readChart(patientId) {
  const of = { patient: patientId };
  const [observations, medicines, conditions, imaging, archives] = await Promise.all([
    search("Observation", { ...of, _count: 500 }),
    search("MedicationRequest", { ...of, status: "active" }),
    search("Condition", of),
    search("ImagingStudy", of),
    search("Endpoint", {}),
  ]);
  return { observations, medicines, conditions, imaging, archives };
}

/** The facts above the plots, as pairs of a definition list. */
export function facts({ observations, medicines, conditions, imaging, archives }, now) {
  const weight = newest(observations, "29463-7");
  const height = newest(observations, "8302-2");
  const pairs = [
    ["Body", weight && height ? `${weight} kg, ${height} cm` : null],
    ["Problems", conditions.map(described).join("; ")],
    ["Receives", medicines.map(described).join("; ")],
    ["Imaging", imaging.map((study) => imagingLine(study, archives, now))],
  ];
  return pairs
    .filter(([, words]) => words?.length)
    .map(([name, words]) => element("div", {}, element("dt", {}, name), element("dd", {}, words)));
}

function imagingLine(study, archives, now) {
  const words = `${study.description ?? "Study"}, ${ago(new Date(study.started), now)}`;
  const archive = archives.find((each) => study.endpoint?.[0]?.reference === `Endpoint/${each.id}`);
  const [series] = study.series ?? [];
  const instance = series?.instance?.[0];
  const uid = study.identifier?.[0]?.value?.replace("urn:oid:", "");
  const path = `studies/${uid}/series/${series?.uid}/instances/${instance?.uid}/rendered`;
  const picture = archive && instance ? webAddress(`${archive.address}/${path}`) : null;
  if (!picture) return element("span", {}, words);
  return element(
    "a",
    { class: "picture", href: picture.href, target: "_blank", rel: "noopener noreferrer" },
    element("img", {
      src: picture.href,
      alt: "",
      width: 34,
      height: 34,
      onerror: (event) => event.target.remove(),
    }),
    words,
  );
}
