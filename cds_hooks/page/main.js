// The page put together: read the view, build the panels, keep it fresh, and end it when the
// session ends.

import { logOut, news, readView, SessionEnded } from "./api.js";
import { el, notice } from "./elements.js";
import { causes, events, heading } from "./heading.js";
import { heart } from "./heart.js";
import { forgetAll } from "./plots.js";
import { askAgain, forgetReadings, newReadings, readings } from "./readings.js";
import { provenance, treatments } from "./records.js";
import { refreshAges, risk, showBanner, standing } from "./standing.js";
import { clock } from "./words.js";
import { newBench, workbench } from "./workbench.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const live = document.getElementById("live");
const page = { view: null, bench: newBench(), readings: newReadings(), pastH: 12, told: null, ahead: 0, draws: [] };

function now() {
  return Date.now() + page.ahead;
}

async function load(first) {
  try {
    const view = await readView();
    page.ahead = Date.parse(view.at) - Date.now();
    page.view = view;
    show(first);
    listen(view);
  } catch (error) {
    if (error instanceof SessionEnded) return ended();
    if (first) return failed(error);
    live.textContent = `Not renewed: ${error.message} Shown: data read at ${clock(page.view.at)}.`;
  }
}

function show(first) {
  const { view } = page;
  const open = new Set([...main.querySelectorAll("details[open]")].map((each) => each.id).filter(Boolean));
  forgetAll();
  showBanner(banner, view);
  const head = heading(view, page.pastH, (hours) => { page.pastH = hours; show(false); });
  const bench = workbench(view, page.bench, ended);
  const beat = heart(view);
  const images = readings(view, page.readings, now, ended);
  main.replaceChildren(...[
    el("div", { class: "columns" },
      el("div", { class: "left" }, standing(view), head.made),
      el("div", { class: "right" }, risk(view), causes(view), events(view))),
    bench.made,
    images.made,
    beat.made,
    treatments(view),
    provenance(view),
    el("div", { class: "closing" }, el("p", { class: "fine" }, view.research),
      el("button", { type: "button", class: "quiet", on: { click: leave } }, "End this session"),
      el("button", { type: "button", class: "quiet", on: { click: () => print() } }, "Print")),
  ].filter(Boolean));
  main.setAttribute("aria-busy", "false");
  for (const id of open) main.querySelector(`details#${CSS.escape(id)}`)?.setAttribute("open", "");
  page.draws = [head.draw, bench.draw, images.draw, beat.draw];
  for (const draw of page.draws) draw();
  refreshAges(now());
  live.textContent = `Chart read at ${clock(view.at)}. Asked again every ${view.polledEveryS} s.`;
  if (!first && page.bench.answer) bench.refresh?.();
}

async function renew() {
  await load(false);
  if (page.view) await askAgain(page.readings);
}

function listen(view) {
  page.told?.close();
  const told = page.told = news(view.fingerprint);
  told.addEventListener("changed", renew);
  told.addEventListener("checked", () => { live.textContent = `Nothing new at ${clock(now())}. Asked again every ${view.polledEveryS} s.`; });
  told.addEventListener("trouble", () => { live.textContent = `The EHR could not be asked at ${clock(now())}. Shown: data read at ${clock(view.at)}.`; });
  told.addEventListener("ended", ended);
  // A refused stream is not tried again by the browser; the next view says why it was refused.
  told.onerror = () => { if (told.readyState === EventSource.CLOSED) load(false); };
}

function ended() {
  page.told?.close();
  forgetAll();
  banner.hidden = true;
  banner.replaceChildren();
  page.view = null;
  page.bench = newBench();
  forgetReadings(page.readings);
  live.textContent = "";
  main.replaceChildren(notice("ended", "The session has ended",
    el("p", {}, "Nothing of the patient is shown any more. Open the patient's chart in your EHR and launch CardioTwin there again, or follow the link on a CardioTwin card."),
    el("p", { class: "fine" }, "Sessions end after some hours, when you log out, and when the EHR withdraws its permission.")));
  main.setAttribute("aria-busy", "false");
  main.focus();
}

async function leave() {
  try {
    await logOut();
  } finally {
    ended();
  }
}

function failed(error) {
  main.replaceChildren(notice("failed", "The chart could not be read",
    el("p", { class: "caution", role: "alert" }, error.message),
    el("p", {}, "Nothing is shown rather than something incomplete."),
    el("button", { type: "button", class: "primary", on: { click: () => location.reload() } }, "Try again")));
  main.setAttribute("aria-busy", "false");
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const draw of page.draws) draw(); });
addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
addEventListener("pagehide", () => page.told?.close());
setInterval(() => refreshAges(now()), 15000);
load(true);
