// ECGs and radiographs: what the nets found on them, how sure, where, and what was not read.

import { pictureAddress, readReadings, SessionEnded } from "./api.js";
import { el, folded, panel, sentences, table, wide } from "./elements.js";
import { aged, refreshAges } from "./standing.js";
import { number, percent } from "./words.js";

const ASK_AGAIN_MS = [5000, 5000, 5000, 10000, 10000, 15000, 15000, 30000, 30000, 60000];
const MOST_OPEN = 2;

/** What was read last; it outlives every new view. */
export function newReadings() {
  return { answer: null, error: null, asked: 0, timer: null, place: null, told: null, looked: new Set() };
}

/** Return the panel, and begin to ask where nothing was asked yet. */
export function readings(view, state, now, ended) {
  Object.assign(state, { view, now, ended });
  state.place = el("div", { class: "readings" });
  state.told = el("p", { class: "fine", role: "status" });
  const made = panel("readings", "ECG and radiograph, read by nets",
    view.openedElsewhere ? el("p", { class: "caution" }, "The EHR had a study open that is not among this patient's studies; it is not shown.") : null,
    state.told, state.place);
  show(state);
  if (!state.answer) ask(state);
  return { made, draw: () => draw(state) };
}

/** Ask anew, as the chart has changed. */
export function askAgain(state) {
  state.asked = 0;
  return ask(state);
}

/** Forget everything, as the session has ended. */
export function forgetReadings(state) {
  clearTimeout(state.timer);
  Object.assign(state, newReadings());
}

async function ask(state) {
  clearTimeout(state.timer);
  try {
    state.answer = await readReadings();
    state.error = null;
  } catch (error) {
    if (error instanceof SessionEnded) return state.ended();
    state.error = error.message;
  }
  if (!state.place) return;
  show(state);
  draw(state);
  const waiting = state.answer?.items.some((each) => each.state === "waiting");
  if (waiting && state.asked < ASK_AGAIN_MS.length) {
    state.timer = setTimeout(() => ask(state), ASK_AGAIN_MS[state.asked++]);
  }
}

function show(state) {
  const { answer, error, place } = state;
  const again = el("button", { type: "button", class: "quiet", on: { click: () => askAgain(state) } }, "Ask again");
  if (error) return place.replaceChildren(el("p", { class: "caution", role: "alert" }, `The readings could not be fetched. ${error}`), again);
  if (!answer) return place.replaceChildren(el("p", { class: "empty" }, "Asking what has been read."), el("div", { class: "bones", "aria-hidden": "true" }, el("i"), el("i")));
  const items = inOrder(state);
  const counted = (wanted) => items.filter((each) => each.state === wanted).length;
  state.told.textContent = items.length ? `${counted("read")} of ${items.length} read${counted("waiting") ? `, ${counted("waiting")} being read` : ""}.` : "";
  place.replaceChildren(...[
    sentences(answer.changedTwin, "answer"),
    items.length ? null : el("p", { class: "empty" }, "No ECG and no chest radiograph is on file."),
    ...items.map((item, at) => shown(state, item, at)),
    items.some((each) => each.state === "waiting") && state.asked >= ASK_AGAIN_MS.length ? again : null,
    answer.notUsed.length || answer.missing.length ? folded("Not used, and missing", sentences([...answer.notUsed, ...answer.missing])) : null,
    items.some((each) => each.state === "read") ? el("p", { class: "caution" }, answer.note) : null,
  ].filter(Boolean));
  refreshAges(state.now(), place);
}

/** What was open in the EHR first; then as the server orders them, the newest first. */
function inOrder({ answer, view }) {
  const opened = new Set(view.imaging.filter((each) => each.opened).map((each) => each.reference));
  return answer.items.map((item) => ({ ...item, opened: opened.has(item.study) }))
    .sort((one, other) => other.opened - one.opened);
}

function shown(state, item, at) {
  const head = el("h3", {}, item.title.charAt(0).toUpperCase() + item.title.slice(1),
    el("span", { class: "fine" }, " ", item.takenAt ? aged(item.takenAt) : "date not recorded", item.opened ? ", open in the EHR" : ""));
  if (item.state !== "read") {
    return el("article", { class: "reading" }, head, el("p", { class: item.state === "waiting" ? "empty" : "caution" }, item.sentence));
  }
  const called = item.findings.filter((each) => each.possible), others = item.findings.filter((each) => !each.present);
  const notExcluded = item.findings.filter((each) => each.present && !each.possible);
  return el("article", { class: "reading" }, head,
    el("p", { class: "answer" }, item.sentence),
    item.doubts.length ? el("div", { class: "caution" }, el("strong", {}, "Doubt: "), item.doubts.join("; ")) : null,
    el("div", { class: "beside-picture" },
      item.picture ? pictured(state, item, at) : null,
      el("div", {},
        measures(item),
        called.length ? found("Called by the net", called) : null,
        notExcluded.length ? folded(`Not excluded, each below one in ten (${notExcluded.length})`, found("Not excluded", notExcluded)) : null,
        others.length ? folded(`${called.length ? "Looked for and not called" : "Everything looked for"} (${others.length})`, found("Not called", others)) : null,
        placed(item),
        el("p", { class: "fine digest" }, `Release: ${item.release}. Source: ${item.reference}.`))));
}

function measures(item) {
  if (!item.measures.length) return null;
  return el("dl", { class: "pairs" }, item.measures.map((each) => {
    const decimals = each.unit ? 0 : 2;
    const ends = each.low === null ? "" : ` (${number(each.low, decimals)} to ${number(each.high, decimals)})`;
    return el("div", {}, el("dt", {}, each.name), el("dd", {}, el("strong", {}, number(each.value, decimals)), `${ends} ${each.unit}`.trimEnd()));
  }));
}

function found(caption, findings) {
  const share = (value) => (value === null ? "never called" : percent(value));
  return wide(caption, table(caption, ["Finding", "Probability", "Called from", "Sensitivity", "Specificity"],
    findings.map((each) => [
      el("span", {}, each.name, each.highlights ? el("span", { class: "fine" }, " (marked on the picture)") : null),
      el("strong", {}, percent(each.probability)), share(each.threshold),
      each.sensitivity === null ? "–" : percent(each.sensitivity), each.specificity === null ? "–" : percent(each.specificity)])), true);
}

function placed(item) {
  if (!item.boxes.length) return null;
  return folded(`Boxes on the picture (${item.boxes.length})`, table("Boxes", ["What", "Score", "Place, share of width and height"],
    item.boxes.map((box) => [box.label, percent(box.score),
      `${percent(box.left / item.width)} to ${percent(box.right / item.width)}, ${percent(box.top / item.height)} to ${percent(box.bottom / item.height)}`])));
}

/** The picture with what the net marked above it; the words beside it say the same. */
function pictured(state, item, at) {
  const marked = el("canvas", { width: item.width, height: item.height, "aria-hidden": "true", class: "marks" });
  const key = item.id;
  const open = at < MOST_OPEN || state.looked.has(key);
  const said = el("p", { class: "fine", role: "status" });
  const image = el("img", { src: open ? pictureAddress(key) : null, alt: `${item.title}: ${item.sentence}`, width: item.width, height: item.height,
    on: { error: () => { said.textContent = "The picture could not be fetched; the findings beside it stand."; } } });
  const marks = item.boxes.length > 0 || item.activation !== null;
  const box = el("input", { type: "checkbox", checked: true, on: { change: () => { marked.hidden = !box.checked; } } });
  const words = item.activation ? `Marked: what speaks for ${item.activation.finding}, as the net saw it` : "Marked: what the net found";
  const figure = el("figure", { class: "picture" }, el("div", {}, image, marks ? marked : null),
    marks ? el("label", { class: "fine" }, box, ` ${words}`) : null, said);
  marked.paint = () => paint(marked, item);
  if (open) return figure;
  return el("details", { on: { toggle: () => { state.looked.add(key); image.src ||= pictureAddress(key); } } }, el("summary", {}, "Show the picture"), figure);
}

function draw(state) {
  for (const marked of state.place?.querySelectorAll("canvas.marks") ?? []) marked.paint();
}

function paint(canvas, item) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, item.width, item.height);
  if (item.activation) heat(context, item);
  context.lineWidth = Math.max(2, item.width / 300);
  const letters = Math.max(12, Math.round(item.width / 36));
  context.font = `${letters}px system-ui, sans-serif`;
  for (const [at, box] of item.boxes.entries()) {
    context.strokeStyle = context.fillStyle = ["#ffb000", "#4cc9f0", "#f72585", "#b8f35d"][at % 4];
    context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    const above = box.top > letters + 5;
    context.fillText(`${box.label} ${percent(box.score)}`, box.left + 4, above ? box.top - 5 : box.top + letters + 2);
  }
}

function heat(context, { activation, width, height }) {
  const across = width / activation.columns, down = height / activation.rows;
  for (const [at, value] of activation.values.entries()) {
    if (value < 0.15) continue;
    context.fillStyle = `rgba(230, 85, 0, ${(0.45 * value).toFixed(3)})`;
    context.fillRect((at % activation.columns) * across, Math.floor(at / activation.columns) * down, across + 0.5, down + 0.5);
  }
}
