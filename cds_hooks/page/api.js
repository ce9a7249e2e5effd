// What the page asks of its own server. Every address names the session; its cookie goes along by
// itself and is never seen here.

const SESSION = new URLSearchParams(location.search).get("session") ?? "";
const BASE = new URL("../api/", import.meta.url);

/** The session is over: nothing more is answered until the app is launched again. */
export class SessionEnded extends Error {}

/** The server said no; the message is its sentence. */
export class Refused extends Error {}

/** Nothing came back. */
export class Unreachable extends Error {}

function address(name, more = {}) {
  const url = new URL(name, BASE);
  url.search = new URLSearchParams({ session: SESSION, ...more }).toString();
  return url;
}

async function answered(url, options) {
  let answer;
  try {
    answer = await fetch(url, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("CardioTwin did not answer. Check the connection.");
  }
  if (answer.status === 401) throw new SessionEnded(await sentence(answer));
  if (!answer.ok) throw new Refused(await sentence(answer));
  return answer.json();
}

async function sentence(answer) {
  try {
    return (await answer.json()).issue.map((issue) => issue.details.text).join(" ");
  } catch {
    return `CardioTwin answered with status ${answer.status}.`;
  }
}

function posted(name, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return answered(address(name), { method: "POST", headers, body: JSON.stringify(body), signal });
}

export const readView = () => answered(address("view"));
export const readReleases = () => answered(address("releases"));
export const readReadings = () => answered(address("readings"));
export const pictureAddress = (id) => address("readings/picture", { id }).toString();
export const compare = (plans, horizonMin, signal) => posted("simulations", { plans, horizon_min: horizonMin }, signal);
export const propose = (plan) => posted("proposals", { plan });
export const news = (fingerprint) => new EventSource(address("events", { fingerprint }));
export const logOut = () => fetch(Object.assign(new URL("../../../logout", import.meta.url), { search: new URLSearchParams({ session: SESSION }).toString() }), { method: "POST", credentials: "same-origin" });
