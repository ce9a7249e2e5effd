// CDS Hooks cards on the page: https://cds-hooks.hl7.org/2.0/#card-attributes

import { element, webAddress } from "./elements.js";
import { rendered } from "./markdown.js";

const INDICATORS = { critical: "Critical", warning: "Warning", info: "Information" };
const BY_URGENCY = Object.keys(INDICATORS);

/**
 * The cards of one answer, most urgent first.
 * `deeds` is what a card's buttons do: accept(card, suggestion), dismiss(card, reason, comment), launch(link).
 */
export function cardList(cards, deeds) {
  return [...cards]
    .sort((one, other) => BY_URGENCY.indexOf(one.indicator) - BY_URGENCY.indexOf(other.indicator))
    .map((card) => cardElement(card, deeds));
}

function cardElement(card, deeds) {
  const titleId = `card-${crypto.randomUUID()}`;
  const indicator = INDICATORS[card.indicator] ? card.indicator : "info";
  const outcome = element("p", { class: "outcome", role: "status" });
  const whole = element(
    "article",
    { class: `card ${indicator}`, "aria-labelledby": titleId },
    element("p", { class: "indicator" }, INDICATORS[indicator]),
    element("h3", { id: titleId, tabindex: "-1" }, card.summary),
    card.detail ? detail(card.detail) : null,
    suggestions(card, deeds, outcome),
    links(card, deeds),
    outcome,
    element("footer", {}, source(card.source), dismissal(card, deeds, outcome)),
  );
  return whole;
}

const LONG_DETAIL = 700;

/** A card's detail; of a long one the beginning, so that what can be done about it stays in sight. */
function detail(markdown) {
  const text = element("div", { class: "detail" }, rendered(markdown));
  if (markdown.length <= LONG_DETAIL) return text;
  const button = element(
    "button",
    { type: "button", class: "more", "aria-expanded": "false" },
    "Show all",
  );
  button.addEventListener("click", () => {
    const whole = text.classList.toggle("whole");
    button.textContent = whole ? "Show less" : "Show all";
    button.setAttribute("aria-expanded", String(whole));
  });
  text.classList.add("long");
  return [text, button];
}

function suggestions(card, deeds, outcome) {
  if (!card.suggestions?.length) return null;
  const buttons = [];
  const items = card.suggestions.map((suggestion) => {
    const button = element(
      "button",
      { type: "button", class: suggestion.isRecommended ? "accept recommended" : "accept" },
      suggestion.label,
      suggestion.isRecommended ? element("span", { class: "tag" }, "recommended") : null,
    );
    button.addEventListener("click", () => accept(button));
    buttons.push(button);
    async function accept() {
      const locked = card.selectionBehavior === "any" ? [button] : buttons;
      for (const each of locked) each.disabled = true;
      try {
        outcome.textContent = await deeds.accept(card, suggestion);
        button.classList.add("taken");
        button.append(element("span", { class: "tag" }, "accepted"));
      } catch (error) {
        outcome.textContent = `Not accepted: ${error.message}`;
        for (const each of locked) each.disabled = false;
      }
    }
    const actions = (suggestion.actions ?? []).map((action) =>
      element("li", {}, action.description ?? action.type),
    );
    return element(
      "li",
      {},
      button,
      actions.length ? element("ul", { class: "actions" }, actions) : null,
    );
  });
  const several =
    card.selectionBehavior === "any" ? "Suggestions" : "Suggestions - take at most one";
  const heading = card.suggestions.length > 1 ? several : "Suggestion";
  return element(
    "div",
    { class: "suggestions" },
    element("h4", {}, heading),
    element("ul", {}, items),
  );
}

function links(card, deeds) {
  const items = (card.links ?? [])
    .map((link) => {
      const url = webAddress(link.url);
      if (!url) return null;
      const href = link.type === "smart" ? deeds.launch(url, link.appContext) : url.href;
      return element(
        "li",
        {},
        element(
          "a",
          { class: "app-link", href, target: "_blank", rel: "noopener noreferrer" },
          link.label,
          element(
            "span",
            { class: "tag" },
            link.type === "smart" ? "app, opens in a new tab" : "opens in a new tab",
          ),
        ),
      );
    })
    .filter(Boolean);
  return items.length ? element("ul", { class: "links" }, items) : null;
}

function source(from) {
  const url = from?.url && webAddress(from.url);
  const icon = from?.icon && webAddress(from.icon);
  const label = from?.label ?? "unknown source";
  return element(
    "p",
    { class: "source" },
    icon ? element("img", { src: icon.href, alt: "", width: 20, height: 20 }) : null,
    "Source: ",
    url
      ? element("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, label)
      : label,
    from?.topic?.display ? ` · ${from.topic.display}` : null,
  );
}

function dismissal(card, deeds, outcome) {
  const reasons = card.overrideReasons ?? [];
  const select = reasons.length
    ? element(
        "select",
        {},
        element("option", { value: "" }, "Choose a reason"),
        reasons.map((reason, index) =>
          element("option", { value: index }, reason.display ?? reason.code),
        ),
      )
    : null;
  const comment = element("input", {
    type: "text",
    maxlength: 300,
    placeholder: "Comment, if any",
  });
  const button = element("button", { type: "button" }, "Dismiss this card");
  const form = element(
    "details",
    { class: "dismiss" },
    element("summary", {}, "Dismiss"),
    select ? element("label", {}, "Reason ", select) : null,
    element("label", {}, "Comment ", comment),
    button,
  );
  button.addEventListener("click", async () => {
    const chosen = select?.value ? reasons[Number(select.value)] : null;
    button.disabled = true;
    try {
      outcome.textContent = await deeds.dismiss(card, chosen, comment.value.trim());
      const whole = form.closest(".card");
      whole.classList.add("dismissed");
      for (const each of whole.querySelectorAll("button, select, input")) each.disabled = true;
      form.open = false;
    } catch (error) {
      outcome.textContent = `Not dismissed: ${error.message}`;
      button.disabled = false;
    }
  });
  return form;
}
