// The open patient's orders, signed and drafted, with what can be done about a draft.

import { remove, search } from "./ehr.js";
import { element, place } from "./elements.js";
import { described } from "./orders.js";
import { session } from "./session.js";

const ORDER_TYPES = ["MedicationRequest", "ServiceRequest", "DeviceRequest"];

/** Show the open patient's orders; `review` is called with a draft that is to be looked at again. */
export async function listOrders(review) {
  const open = session.patient;
  const found = (
    await Promise.all(ORDER_TYPES.map((type) => search(type, { patient: open.id })))
  ).flat();
  if (session.patient !== open) return;
  const shown = found.filter((order) => order.id !== session.draft?.id);
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
        order.status === "draft" ? draftButtons(order, review) : null,
      ),
    ),
  );
  if (!shown.length) place("orders").replaceChildren(element("li", { class: "none" }, "None."));
}

function draftButtons(order, review) {
  const words = described(order);
  const discard = async () => {
    await remove(`${order.resourceType}/${order.id}`);
    await listOrders(review);
  };
  return element(
    "span",
    { class: "draft-buttons" },
    element(
      "button",
      { type: "button", "aria-label": `Review ${words}`, onclick: () => review(order) },
      "Review",
    ),
    element(
      "button",
      { type: "button", "aria-label": `Discard ${words}`, onclick: discard },
      "Discard",
    ),
  );
}
