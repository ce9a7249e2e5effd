// The last 24 hours of a patient's measurements as small plots with their newest value.

import { drawing, element } from "./elements.js";

const HOURS = 24;
const WIDTH = 120;
const HEIGHT = 44;

/** What is shown, in this order: name, LOINC codes, whether it sits in a component, digits. */
const SHOWN = [
  ["Heart rate", ["8867-4"], "/min", 0],
  ["MAP", ["8478-0"], "mmHg", 0],
  ["SpO2", ["2708-6", "59408-5"], "%", 0],
  ["Resp. rate", ["9279-1"], "/min", 0],
  ["Haemoglobin", ["718-7"], "g/dL", 1],
  ["Lactate", ["2524-7"], "mmol/L", 1],
  ["CVP", ["60985-9"], "mmHg", 0],
  ["Cardiac output", ["8741-1"], "L/min", 1],
  ["Temperature", ["8310-5"], "°C", 1],
  ["Wedge pressure", ["75994-4"], "mmHg", 0],
];

/** A tile for each quantity that the observations hold. */
export function tiles(observations, now) {
  return SHOWN.map(([name, codes, unit, digits]) => {
    const points = series(observations, codes);
    return points.length ? tile(name, points, unit, digits, now, observations) : null;
  }).filter(Boolean);
}

/** The newest value of a LOINC code, or null. */
export function newest(observations, code) {
  return series(observations, [code]).at(-1)?.value ?? null;
}

function series(observations, codes) {
  const points = [];
  for (const observation of observations) {
    for (const holder of [observation, ...(observation.component ?? [])]) {
      const coded = holder.code?.coding?.some((coding) => codes.includes(coding.code));
      const value = holder.valueQuantity?.value;
      if (coded && typeof value === "number") {
        points.push({ at: new Date(observation.effectiveDateTime), value });
      }
    }
  }
  return points.sort((one, other) => one.at - other.at);
}

/** How long ago, in few words. */
export function ago(at, now) {
  const minutes = Math.max(0, Math.round((now - at) / 60000));
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 48 * 60
    ? `${Math.round(minutes / 60)} h ago`
    : `${Math.round(minutes / 1440)} days ago`;
}

function tile(name, points, unit, digits, now, observations) {
  const last = points.at(-1);
  const value = last.value.toFixed(digits);
  return element(
    "figure",
    { class: "tile" },
    element("figcaption", {}, name, element("span", { class: "age" }, ago(last.at, now))),
    element(
      "p",
      { class: "value" },
      element("strong", {}, value),
      ` ${unit}`,
      name === "MAP" ? pressures(observations) : null,
    ),
    plot(
      points,
      now,
      `${name}: ${points[0].value.toFixed(digits)} to ${value} ${unit} in ${points.length} readings`,
    ),
  );
}

function pressures(observations) {
  const systolic = newest(observations, "8480-6");
  const diastolic = newest(observations, "8462-4");
  return systolic === null || diastolic === null
    ? null
    : element("span", { class: "beside" }, ` ${systolic}/${diastolic}`);
}

function plot(points, now, words) {
  const inside = points.filter((point) => now - point.at <= HOURS * 3600000);
  const values = inside.map((point) => point.value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const span = Math.max(high - low, 0.12 * Math.abs(high) || 1);
  const middle = (high + low) / 2;
  const across = (at) => WIDTH - 5 - ((now - at) / (HOURS * 3600000)) * (WIDTH - 10);
  const down = (value) => HEIGHT / 2 - ((value - middle) / span) * (HEIGHT - 12);
  const places = inside.map((point) => [across(point.at).toFixed(1), down(point.value).toFixed(1)]);
  const picture = drawing("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": words,
  });
  if (places.length > 1) {
    picture.append(
      drawing("polyline", {
        class: "line",
        points: places.map((each) => each.join(",")).join(" "),
      }),
    );
  }
  const dots = places.length <= 8 ? places : places.slice(-1);
  picture.append(
    ...dots.map(([cx, cy], index) =>
      drawing("circle", {
        class: index === dots.length - 1 ? "newest" : "dot",
        cx,
        cy,
        r: index === dots.length - 1 ? 4 : 2.2,
      }),
    ),
  );
  return picture;
}
