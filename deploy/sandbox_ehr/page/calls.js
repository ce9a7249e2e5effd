// The panel for developers: every request and answer as it went over the wire.

import { element, place } from "./elements.js";

const KEPT = 30;

/** Put a call at the top of the list. */
export function show(call) {
  const list = place("calls");
  const outcome = call.failure ? "failed" : String(call.status);
  const title = element(
    "summary",
    {},
    element("code", { class: call.ok ? "good" : "bad" }, outcome),
    " ",
    element("strong", {}, call.label),
    " ",
    element("span", {}, `${Math.round(call.milliseconds)} ms`),
  );
  list.prepend(
    element(
      "li",
      {},
      element(
        "details",
        { class: "call" },
        title,
        part("URL", `${call.request ? "POST" : "GET"} ${call.url}`),
        part("Token", tokenText(call.authorization)),
        call.request ? part("Request", pretty(call.request)) : null,
        part("Answer", call.failure ?? pretty(call.response)),
      ),
    ),
  );
  while (list.children.length > KEPT) list.lastElementChild.remove();
}

function part(name, text) {
  return [element("h4", {}, name), element("pre", { tabindex: "0" }, text)];
}

function pretty(content) {
  return typeof content === "string" ? content : JSON.stringify(content, null, 2);
}

function tokenText(authorization) {
  const [head, claims] = authorization
    .replace(/^Bearer /, "")
    .split(".")
    .slice(0, 2)
    .map((text) => JSON.parse(atob(text.replace(/-/g, "+").replace(/_/g, "/"))));
  return pretty({ header: head, claims });
}
