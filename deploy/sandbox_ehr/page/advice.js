// Asking the decision support, showing its cards, and telling it what became of them. Advice that was
// asked for another patient or an earlier order is never shown.

import * as calls from "./calls.js";
import { cardList } from "./cards.js";
import { apply } from "./ehr.js";
import { element, place } from "./elements.js";
import { launchAddress } from "./launching.js";
import { described } from "./orders.js";
import { callHook, discover, problemOf, sendFeedback } from "./services.js";
import { isOfDraft, session } from "./session.js";

/** What the page does about advice: `say` under the order form, `accepted` after a suggestion. */
let page = { say() {}, async accepted() {} };

export function adviseOn(thePage) {
  page = thePage;
}

/** The services, asked for once; after a failure the next question asks again. */
export function discovered() {
  session.discovered ??= discover(session.settings.cdsServices, calls.show).catch((error) => {
    session.discovered = null;
    throw error;
  });
  return session.discovered;
}

/** Say in one line where the advice stands. */
export function advise(text) {
  place("advice-status").textContent = text;
}

/** Ask for advice on a patient who was just opened. */
export async function advisePatient(open) {
  const abort = new AbortController();
  session.patientCall = abort;
  advise("Asking for advice on this patient …");
  const answer = await ask("patient-view", {}, open, abort);
  if (session.patient !== open || !answer) return;
  place("patient-cards").replaceChildren(...answer.elements);
  if (!session.draft) advise(summaryOf(answer, "on this patient"));
}

/** Ask for advice on the order as it is written; null when it is no longer the current one. */
export async function adviseOrder(hook) {
  session.orderCall?.abort();
  const abort = new AbortController();
  const { draft, patient } = session;
  session.orderCall = abort;
  advise(hook === "order-sign" ? "Checking the order …" : "Simulating the order …");
  const context = {
    draftOrders: { resourceType: "Bundle", type: "collection", entry: [{ resource: draft }] },
  };
  if (hook === "order-select") context.selections = [`${draft.resourceType}/${draft.id}`];
  const answer = await ask(hook, context, patient, abort);
  if (!answer || session.draft !== draft || session.patient !== patient) return null;
  place("order-cards").replaceChildren(...answer.elements);
  advise(summaryOf(answer, `on ${described(draft)}`));
  if (answer.cards) page.say([element("a", { href: "#advice-title" }, "Read the advice"), "."]);
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
  const base = session.settings.cdsServices;
  const open = session.patient;
  return {
    async accept(card, suggestion) {
      await apply(suggestion.actions ?? []);
      await page.accepted((suggestion.actions ?? []).some(isOfDraft), open);
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
      const app = session.settings.apps.find((each) => each.launchUrl === url.href);
      if (app) return launchAddress(app, open, appContext);
      url.searchParams.set("iss", session.settings.fhirServer);
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
