// The order-entry page put together: opening a patient, writing an order, signing it.

import { advise, adviseOn, adviseOrder, advisePatient, discovered } from "./advice.js";
import { facts, nameOf, personal, readChart } from "./chart.js";
import { remove, save } from "./ehr.js";
import { element, place } from "./elements.js";
import { orderForm } from "./order_form.js";
import { listOrders } from "./order_list.js";
import { described, draftOrder, pastedOrder } from "./orders.js";
import { listPatients, markOpen } from "./patient_list.js";
import { session } from "./session.js";
import { tiles } from "./vital_signs.js";

const form = orderForm({
  changed,
  pasted,
  sign: checkAndSign,
  signAnyway: () => finish("Signed as written."),
  clear,
});

async function start() {
  adviseOn({ say: form.say, accepted });
  session.settings = await (await fetch("/order-entry/settings")).json();
  place("addresses").textContent =
    `CDS Services ${session.settings.cdsServices} · FHIR server ${session.settings.fhirServer}`;
  discovered().catch((error) => advise(`The decision support cannot be reached: ${error.message}`));
  await listPatients(openPatient);
}

async function openPatient(patient, stay, situation) {
  session.patientCall?.abort();
  session.orderCall?.abort();
  const encounter = stay ? `Encounter/${stay.id}` : null;
  const open = { id: patient.id, encounter };
  Object.assign(session, { patient: open, draft: null });
  form.reset();
  for (const id of ["order-cards", "patient-cards", "vital-signs", "facts"])
    place(id).replaceChildren();
  markOpen(patient);
  place("chart-title").replaceChildren(
    nameOf(patient),
    " ",
    element("small", {}, personal(patient)),
  );
  place("situation").textContent = situation;
  place("order").hidden = false;
  place("chart-title").focus({ preventScroll: true });
  await Promise.all([showChart(open), advisePatient(open)]);
}

async function showChart(open) {
  const chart = await readChart(open.id);
  if (session.patient !== open) return;
  const now = new Date();
  const shown = tiles(chart.observations, now);
  place("vital-signs").replaceChildren(...shown);
  place("axis").hidden = shown.length === 0;
  place("facts").replaceChildren(...facts(chart, now));
  await showOrders();
}

function showOrders() {
  return listOrders(review);
}

function review(draft) {
  form.reset();
  form.say(`Reviewing ${described(draft)}.`);
  select(draft).then(showOrders);
}

/** A suggestion was accepted: the draft may be gone with it, and the list of orders is another. */
async function accepted(draftIsGone, open) {
  if (draftIsGone) {
    session.draft = null;
    form.reset();
  }
  if (session.patient === open) await showOrders();
}

async function changed(kind, dose) {
  const id = session.draft?.id ?? `draft-${crypto.randomUUID().slice(0, 13)}`;
  if (dose === null) return dropDraft();
  await select(draftOrder(kind, dose, session.patient, session.settings.user, id));
}

async function pasted(text) {
  try {
    await select(pastedOrder(text, session.patient, `draft-${crypto.randomUUID().slice(0, 13)}`));
  } catch (error) {
    form.say(error.message);
  }
}

async function select(draft) {
  const earlier = session.draft;
  session.draft = draft;
  if (earlier?.id === draft.id && earlier.resourceType !== draft.resourceType)
    await remove(`${earlier.resourceType}/${earlier.id}`);
  await save(draft);
  if (session.draft !== draft) return;
  form.ready();
  await adviseOrder("order-select");
}

async function dropDraft() {
  session.orderCall?.abort();
  place("order-cards").replaceChildren();
  const earlier = session.draft;
  session.draft = null;
  if (earlier) await remove(`${earlier.resourceType}/${earlier.id}`);
}

async function clear() {
  await dropDraft();
  advise("The order was cleared.");
}

async function checkAndSign() {
  form.notReady();
  form.say("Checking …");
  const answer = await adviseOrder("order-sign");
  if (!answer) return;
  if (!answer.cards && !answer.failed) {
    await finish("Signed; there was no advice against it.");
    return;
  }
  form.say(
    answer.cards
      ? [
          element("a", { href: "#advice-title" }, "Read the advice"),
          ", then sign or change the order.",
        ]
      : "Checked without advice; you may still sign.",
  );
  form.awaitConfirmation();
  place("advice-title").scrollIntoView({ block: "nearest" });
  place("order-cards").querySelector("h3")?.focus({ preventScroll: true });
}

async function finish(words) {
  const { draft } = session;
  if (!draft) return;
  await save({ ...draft, status: "active", intent: "order" });
  session.draft = null;
  form.reset();
  form.say(`${described(draft)}: ${words}`);
  await showOrders();
}

// Whoever comes back from an app may have left a draft there.
addEventListener("focus", () => {
  if (session.patient) showOrders();
});
start();
