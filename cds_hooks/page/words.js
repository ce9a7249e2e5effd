// Numbers with units, intervals, probabilities and ages, as the cards write them.

const DECIMALS = { cardiac_output: 1, systemic_resistance: 2, haemoglobin: 1, "L/min": 1, "°C": 1, "mmol/L": 1 };

/** Return how many decimals a quantity, or a unit, is shown with. */
export function decimalsOf(key) {
  return DECIMALS[key] ?? 0;
}

/** Return a number with a true minus sign; `signed` keeps the plus of a rise. */
export function number(value, decimals = 0, signed = false) {
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  if (value < 0) return `−${text}`;
  return signed ? `+${text}` : text;
}

/** Return a charted value with as many digits as it deserves. */
export function charted(value) {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return number(value, decimals).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** Return `58 (51 to 64) mmHg`. */
export function interval(shown, unit, decimals = 0, signed = false) {
  const [median, low, high] = [shown.median, shown.low, shown.high].map((each) => number(each, decimals, signed));
  return `${median} (${low} to ${high}) ${unit}`.trim();
}

/** Return a fraction as a whole percentage, never a false 0 or 100. */
export function percent(fraction) {
  const value = 100 * fraction;
  if (value > 0 && value < 1) return "under 1 %";
  if (value > 99 && value < 100) return "over 99 %";
  return `${value.toFixed(0)} %`;
}

/** Return a span of minutes: `30 min`, `6 h`. */
export function span(minutes) {
  return minutes < 120 ? `${number(minutes)} min` : `${number(minutes / 60, minutes % 60 ? 1 : 0)} h`;
}

/** Return how long ago an instant was, seen from `now` (both ms). */
export function age(at, now) {
  const minutes = Math.max(0, (now - at) / 60000);
  if (minutes < 1) return "just now";
  if (minutes < 90) return `${minutes.toFixed(0)} min ago`;
  if (minutes < 2880) return `${(minutes / 60).toFixed(0)} h ago`;
  return `${(minutes / 1440).toFixed(0)} days ago`;
}

/** Return an instant as a clock time, with the day where it is another one. */
export function clock(at) {
  const when = new Date(at);
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return when.toDateString() === new Date().toDateString()
    ? time
    : `${when.toLocaleDateString([], { day: "numeric", month: "short" })} ${time}`;
}

/** Return text with a capital first letter. */
export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
