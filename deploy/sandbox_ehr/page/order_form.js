// The form in which an order is written: what, how much, and the button that signs it.

import { element, place } from "./elements.js";
import { ORDER_KINDS } from "./orders.js";

/**
 * Build the form. `deeds`: changed(kind, dose), pasted(text), sign(), signAnyway(), clear().
 * Returns what the page may tell it: reset, ready, warn, awaitConfirmation.
 */
export function orderForm(deeds) {
  const form = place("order-form");
  const doses = element("fieldset", { class: "doses", hidden: true });
  const pasted = pasteField(deeds);
  const message = element("p", { class: "form-message", role: "status" });
  const sign = element(
    "button",
    { type: "submit", class: "primary", disabled: true },
    "Check and sign",
  );
  const anyway = element(
    "button",
    { type: "button", class: "anyway", hidden: true, onclick: deeds.signAnyway },
    "Sign as written",
  );
  const clear = element(
    "button",
    {
      type: "button",
      onclick: () => {
        reset();
        deeds.clear();
      },
    },
    "Clear",
  );
  const kinds = element(
    "fieldset",
    { class: "kinds" },
    element("legend", {}, "What"),
    element(
      "div",
      { class: "choices" },
      ORDER_KINDS.map((kind) => kindChoice(kind, () => choose(kind))),
    ),
  );
  form.replaceChildren(
    kinds,
    doses,
    pasted,
    message,
    element("p", { class: "form-buttons" }, sign, anyway, clear),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!sign.disabled) deeds.sign();
  });

  function choose(kind) {
    pasted.open = false;
    notReady();
    doses.hidden = false;
    doses.replaceChildren(
      ...doseField(kind, (dose) => {
        notReady();
        deeds.changed(kind, dose);
      }),
    );
    deeds.changed(kind, null);
  }

  function notReady() {
    sign.disabled = true;
    anyway.hidden = true;
    message.textContent = "";
  }

  function reset() {
    form.reset();
    doses.hidden = true;
    doses.replaceChildren();
    pasted.open = false;
    notReady();
  }

  return {
    reset,
    notReady,
    ready() {
      sign.disabled = false;
    },
    say(words) {
      message.replaceChildren(...[words].flat());
    },
    awaitConfirmation() {
      sign.disabled = true;
      anyway.hidden = false;
    },
  };
}

function kindChoice(kind, choose) {
  return element(
    "label",
    { class: "choice" },
    element("input", { type: "radio", name: "kind", value: kind.key, onchange: choose }),
    element("span", {}, element("strong", {}, kind.words), element("small", {}, kind.note)),
  );
}

function doseField(kind, chosen) {
  const other = element("input", {
    type: "number",
    min: "0",
    step: "any",
    inputmode: "decimal",
    id: "other-dose",
    "aria-label": `Another amount in ${kind.unit}`,
  });
  const offered = kind.doses.map((dose) =>
    element(
      "label",
      { class: "choice" },
      element("input", {
        type: "radio",
        name: "dose",
        value: dose,
        onchange: () => {
          other.value = "";
          chosen(dose);
        },
      }),
      element("span", {}, element("strong", {}, `${dose} ${kind.unit}`)),
    ),
  );
  other.addEventListener("change", () => {
    for (const radio of document.querySelectorAll("input[name=dose]")) radio.checked = false;
    chosen(Number(other.value) > 0 ? Number(other.value) : null);
  });
  return [
    element("legend", {}, "How much"),
    element(
      "div",
      { class: "choices" },
      offered,
      element("span", { class: "other" }, "or ", other, ` ${kind.unit}`),
    ),
  ];
}

function pasteField(deeds) {
  const text = element("textarea", {
    rows: 8,
    spellcheck: "false",
    "aria-label": "FHIR order as JSON",
  });
  const use = element(
    "button",
    { type: "button", onclick: () => deeds.pasted(text.value) },
    "Use this order",
  );
  return element(
    "details",
    { class: "paste" },
    element("summary", {}, "Or paste an order as FHIR JSON"),
    text,
    use,
  );
}
