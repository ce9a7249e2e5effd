// The order-entry page put together: which patient is open, which order is being written, which advice is
// current. Advice that was asked for another patient or an earlier order is never shown.

import * as calls from "./calls.js";
import { cardList } from "./cards.js";
import { facts, nameOf, personal, readChart } from "./chart.js";
import { apply, remove, save, search } from "./ehr.js";
import { element, place } from "./elements.js";
import { orderForm } from "./order_form.js";
import { described, draftOrder, pastedOrder } from "./orders.js";
import { callHook, discover, problemOf, sendFeedback } from "./services.js";
import { tiles } from "./vital_signs.js";

const ORDER_TYPES = ["MedicationRequest", "ServiceRequest", "DeviceRequest"];
const state = {
  settings: null,
  discovered: null,
  patient: null,
  draft: null,
  patientCall: null,
  orderCall: null,
};

const form = orderForm({
  changed,
  pasted,
  sign: checkAndSign,
  signAnyway: () => finish("Signed as written."),
  clear,
});

async function start() {
  state.settings = await (await fetch("/order-entry/settings")).json();
  place("addresses").textContent =
    `CDS Services ${state.settings.cdsServices} · FHIR server ${state.settings.fhirServer}`;
  discovered().catch((error) => advise(`The decision support cannot be reached: ${error.message}`));
  await listPatients();
}

/** The services, asked for once; after a failure the next question asks again. */
function discovered() {
  state.discovered ??= discover(state.settings.cdsServices, calls.show).catch((error) => {
    state.discovered = null;
    throw error;
  });
  return state.discovered;
}

async function listPatients() {
  const [patients, stays] = await Promise.all([
    search("Patient", { _sort: "identifier" }),
    search("Encounter", {}),
  ]);
  place("patients").replaceChildren(
    ...patients.map((patient) => {
      const stay = stays.find((each) => each.subject?.reference === `Patient/${patient.id}`);
      const situation = stay?.reasonCode?.[0]?.text ?? "";
      const open = () => openPatient(patient, stay, situation);
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", id: `open-${patient.id}`, onclick: open },
          element("strong", {}, nameOf(patient)),
          element("span", {}, personal(patient)),
          element("small", {}, situation),
        ),
      );
    }),
  );
}

async function openPatient(patient, stay, situation) {
  state.patientCall?.abort();
  state.orderCall?.abort();
  const encounter = stay ? `Encounter/${stay.id}` : null;
  const open = { id: patient.id, encounter };
  Object.assign(state, { patient: open, draft: null });
  form.reset();
  for (const id of ["order-cards", "patient-cards", "vital-signs", "facts"])
    place(id).replaceChildren();
  for (const button of place("patients").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.id === `open-${patient.id}`));
  }
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
  if (state.patient !== open) return;
  const now = new Date();
  const shown = tiles(chart.observations, now);
  place("vital-signs").replaceChildren(...shown);
  place("axis").hidden = shown.length === 0;
  place("facts").replaceChildren(...facts(chart, now));
  await listOrders();
}

async function listOrders() {
  const open = state.patient;
  const found = (
    await Promise.all(ORDER_TYPES.map((type) => search(type, { patient: open.id })))
  ).flat();
  if (state.patient !== open) return;
  const shown = found.filter((order) => order.id !== state.draft?.id);
  place("orders").replaceChildren(
    ...shown.map((order) =>
      element(
        "li",
        { class: order.status },
        element(
          "span",
          { class: "state" },
          order.status === "draft" ? `draft ${order.intent}` : order.status,
        ),
        element("span", {}, described(order)),
        order.status === "draft" ? draftButtons(order) : null,
      ),
    ),
  );
  if (!shown.length) place("orders").replaceChildren(element("li", { class: "none" }, "None."));
}

function draftButtons(order) {
  const words = described(order);
  const review = () => {
    form.reset();
    form.say(`Reviewing ${words}.`);
    select(order).then(listOrders);
  };
  const discard = async () => {
    await remove(`${order.resourceType}/${order.id}`);
    await listOrders();
  };
  return element(
    "span",
    { class: "draft-buttons" },
    element(
      "button",
      { type: "button", "aria-label": `Review ${words}`, onclick: review },
      "Review",
    ),
    element(
      "button",
      { type: "button", "aria-label": `Discard ${words}`, onclick: discard },
      "Discard",
    ),
  );
}

// --- advice ---------------------------------------------------------------------------------------

function advise(text) {
  place("advice-status").textContent = text;
}

async function advisePatient(open) {
  const abort = new AbortController();
  state.patientCall = abort;
  advise("Asking for advice on this patient …");
  const answer = await ask("patient-view", {}, open, abort);
  if (state.patient !== open || !answer) return;
  place("patient-cards").replaceChildren(...answer.elements);
  if (!state.draft) advise(summaryOf(answer, "on this patient"));
}

async function adviseOrder(hook) {
  state.orderCall?.abort();
  const abort = new AbortController();
  const { draft, patient } = state;
  state.orderCall = abort;
  advise(hook === "order-sign" ? "Checking the order …" : "Simulating the order …");
  const context = {
    draftOrders: { resourceType: "Bundle", type: "collection", entry: [{ resource: draft }] },
  };
  if (hook === "order-select") context.selections = [`${draft.resourceType}/${draft.id}`];
  const answer = await ask(hook, context, patient, abort);
  if (!answer || state.draft !== draft || state.patient !== patient) return null;
  place("order-cards").replaceChildren(...answer.elements);
  advise(summaryOf(answer, `on ${described(draft)}`));
  if (answer.cards) form.say([element("a", { href: "#advice-title" }, "Read the advice"), "."]);
  return answer;
}

/** Call every service of a hook; null when the question is no longer current. */
async function ask(hook, more, open, abort) {
  const context = {
    patientId: open.id,
    ...(open.encounter ? { encounterId: open.encounter.split("/")[1] } : {}),
    ...more,
  };
  const sendPrefetch = place("send-prefetch").checked;
  const began = performance.now();
  try {
    const asked = (await discovered()).filter((service) => service.hook === hook);
    const made = await Promise.all(
      asked.map((service) => callHook(service, context, sendPrefetch, calls.show, abort.signal)),
    );
    const elements = made.flatMap((call, index) =>
      call.ok
        ? cardList(call.response.cards ?? [], deedsFor(asked[index]))
        : [problem(asked[index], call)],
    );
    return {
      elements,
      cards: made.reduce((count, call) => count + (call.response?.cards?.length ?? 0), 0),
      failed: made.filter((call) => !call.ok).length + (asked.length ? 0 : 1),
      milliseconds: performance.now() - began,
    };
  } catch (error) {
    if (error.name === "AbortError") return null;
    const failure = problem({ title: "Order entry" }, { failure: error.message });
    return { elements: [failure], cards: 0, failed: 1, milliseconds: 0 };
  }
}

function summaryOf(answer, about) {
  if (answer.failed && !answer.cards)
    return `No advice ${about}: the decision support did not give any.`;
  const cards = answer.cards === 1 ? "1 card" : `${answer.cards || "No"} cards`;
  return `${cards} ${about}, in ${Math.round(answer.milliseconds)} ms.`;
}

function problem(service, call) {
  return element(
    "article",
    { class: "card failed" },
    element("p", { class: "indicator" }, "No advice"),
    element("h3", {}, service.title ?? service.id),
    element("p", {}, problemOf(call)),
  );
}

function deedsFor(service) {
  const base = state.settings.cdsServices;
  const open = state.patient;
  return {
    async accept(card, suggestion) {
      await apply(suggestion.actions ?? []);
      const gone = (suggestion.actions ?? []).some(
        (action) =>
          state.draft &&
          (action.resourceId ?? `${action.resource?.resourceType}/${action.resource?.id}`) ===
            `${state.draft.resourceType}/${state.draft.id}`,
      );
      if (gone) {
        state.draft = null;
        form.reset();
      }
      if (state.patient === open) await listOrders();
      const accepted = {
        card: card.uuid,
        outcome: "accepted",
        acceptedSuggestions: [{ id: suggestion.uuid }],
      };
      return `Accepted. ${await told(base, service, card, accepted)}`;
    },
    async dismiss(card, reason, comment) {
      const overridden = { card: card.uuid, outcome: "overridden" };
      if (reason || comment) {
        overridden.overrideReason = {
          ...(reason ? { reason: { code: reason.code, system: reason.system } } : {}),
          ...(comment ? { userComment: comment } : {}),
        };
      }
      return `Dismissed. ${await told(base, service, card, overridden)}`;
    },
    launch(url, appContext) {
      url.searchParams.set("iss", state.settings.fhirServer);
      url.searchParams.set("launch", appContext ?? crypto.randomUUID());
      return url.href;
    },
  };
}

async function told(base, service, card, item) {
  if (!card.uuid) return "The card carries no id, so no feedback was sent.";
  const call = await sendFeedback(base, service.id, item, calls.show);
  return call.ok ? "Feedback was sent." : `Feedback failed: ${problemOf(call)}`;
}

// --- the order --------------------------------------------------------------------------------------

async function changed(kind, dose) {
  const id = state.draft?.id ?? `draft-${crypto.randomUUID().slice(0, 13)}`;
  if (dose === null) return dropDraft();
  await select(draftOrder(kind, dose, state.patient, state.settings.user, id));
}

async function pasted(text) {
  try {
    await select(pastedOrder(text, state.patient, `draft-${crypto.randomUUID().slice(0, 13)}`));
  } catch (error) {
    form.say(error.message);
  }
}

async function select(draft) {
  const earlier = state.draft;
  state.draft = draft;
  if (earlier?.id === draft.id && earlier.resourceType !== draft.resourceType)
    await remove(`${earlier.resourceType}/${earlier.id}`);
  await save(draft);
  if (state.draft !== draft) return;
  form.ready();
  await adviseOrder("order-select");
}

async function dropDraft() {
  state.orderCall?.abort();
  place("order-cards").replaceChildren();
  const earlier = state.draft;
  state.draft = null;
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
  const { draft } = state;
  if (!draft) return;
  await save({ ...draft, status: "active", intent: "order" });
  state.draft = null;
  form.reset();
  form.say(`${described(draft)}: ${words}`);
  await listOrders();
}

start();
