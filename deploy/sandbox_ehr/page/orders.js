// The orders that the form offers, each as the FHIR resource it becomes. Doses are for the prescriber to
// choose: none is preset.

const RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm";
const ATC = "http://www.whocc.no/atc";
const SNOMED = "http://snomed.info/sct";
const UCUM = "http://unitsofmeasure.org";
const INTRAVENOUS = {
  coding: [{ system: SNOMED, code: "47625008", display: "Intravenous route" }],
};

const quantity = (value, code, unit = code) => ({ value, unit, system: UCUM, code });

function medicine(name, rxnorm, atc, dosage) {
  const coding = [
    { system: RXNORM, code: rxnorm, display: name },
    { system: ATC, code: atc },
  ];
  return {
    resourceType: "MedicationRequest",
    medicationCodeableConcept: { coding, text: name },
    dosageInstruction: [{ route: INTRAVENOUS, ...dosage }],
  };
}

function procedure(name, snomed, amount) {
  return {
    resourceType: "ServiceRequest",
    code: { coding: [{ system: SNOMED, code: snomed, display: name }], text: name },
    quantityQuantity: amount,
  };
}

const BOLUS_MINUTES = 15;

/** Key, words, unit, doses offered, and the resource for a dose. */
export const ORDER_KINDS = [
  {
    key: "bolus",
    words: "Fluid bolus",
    note: `Sodium chloride 0.9 % over ${BOLUS_MINUTES} min`,
    unit: "mL",
    doses: [250, 500, 1000],
    resource: (dose) =>
      medicine("Sodium chloride 0.9 %", "9863", "B05BB01", {
        text: `${dose} mL over ${BOLUS_MINUTES} minutes`,
        doseAndRate: [
          {
            doseQuantity: quantity(dose, "mL"),
            rateRatio: {
              numerator: quantity(dose, "mL"),
              denominator: quantity(BOLUS_MINUTES, "min"),
            },
          },
        ],
      }),
  },
  {
    key: "blood",
    words: "Red cells",
    note: "Packed red cells",
    unit: "units",
    doses: [1, 2, 4],
    resource: (dose) =>
      procedure(
        "Transfusion of packed red blood cells",
        "71493000",
        quantity(dose, "{unit}", "units"),
      ),
  },
  {
    key: "norepinephrine",
    words: "Norepinephrine",
    note: "Continuous infusion",
    unit: "µg/kg/min",
    doses: [0.05, 0.1, 0.2],
    resource: (dose) =>
      medicine("Norepinephrine", "7512", "C01CA03", {
        text: `${dose} microgram per kg and minute, continuous`,
        doseAndRate: [{ rateQuantity: quantity(dose, "ug/kg/min") }],
      }),
  },
  {
    key: "metoprolol",
    words: "Metoprolol",
    note: "Into a vein, once",
    unit: "mg",
    doses: [2.5, 5, 10],
    resource: (dose) =>
      medicine("Metoprolol", "6918", "C07AB02", {
        text: `${dose} mg once`,
        doseAndRate: [{ doseQuantity: quantity(dose, "mg") }],
      }),
  },
  {
    key: "furosemide",
    words: "Furosemide",
    note: "Into a vein, once",
    unit: "mg",
    doses: [20, 40, 80],
    resource: (dose) =>
      medicine("Furosemide", "4603", "C03CA01", {
        text: `${dose} mg once`,
        doseAndRate: [{ doseQuantity: quantity(dose, "mg") }],
      }),
  },
  {
    key: "oxygen",
    words: "Oxygen",
    note: "By nasal prongs or mask",
    unit: "L/min",
    doses: [2, 6, 12],
    resource: (dose) => procedure("Oxygen therapy", "57485005", quantity(dose, "L/min")),
  },
];

/** A whole draft order for a patient. */
export function draftOrder(kind, dose, patient, user, id) {
  return {
    ...kind.resource(dose),
    id,
    status: "draft",
    intent: "order",
    subject: { reference: `Patient/${patient.id}` },
    ...(patient.encounter ? { encounter: { reference: patient.encounter } } : {}),
    authoredOn: new Date().toISOString(),
    requester: { reference: user },
  };
}

/** A draft order from JSON that a developer wrote; says what is wrong with it. */
export function pastedOrder(text, patient, id) {
  let resource;
  try {
    resource = JSON.parse(text);
  } catch {
    throw new Error("This is not JSON yet.");
  }
  if (!["MedicationRequest", "ServiceRequest", "DeviceRequest"].includes(resource?.resourceType)) {
    throw new Error("Paste one MedicationRequest, ServiceRequest or DeviceRequest.");
  }
  return {
    intent: "order",
    ...resource,
    id: resource.id ?? id,
    status: "draft",
    subject: { reference: `Patient/${patient.id}` },
  };
}

/** An order, or a problem, in words. */
export function described(resource) {
  const concept =
    resource.medicationCodeableConcept ?? resource.code ?? resource.codeCodeableConcept;
  const name = concept?.text ?? concept?.coding?.[0]?.display ?? resource.resourceType;
  const dosage = resource.dosageInstruction?.[0]?.text;
  const amount = resource.quantityQuantity;
  const dose = dosage ?? (amount ? `${amount.value} ${amount.unit ?? amount.code ?? ""}` : "");
  return dose ? `${name}, ${dose}` : name;
}
