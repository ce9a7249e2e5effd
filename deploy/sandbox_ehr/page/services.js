// The page as a CDS client: discovery, hook calls, feedback. The browser calls the services itself;
// the sandbox only signs the token and fills the prefetch. https://cds-hooks.hl7.org/2.0/

async function own(path, content) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.issue?.[0]?.diagnostics ?? `Status ${response.status}`);
  return answer;
}

/** A call that was made: what went out, what came back, how long it took. */
async function exchange(label, url, authorization, body, signal) {
  const headers = { Authorization: authorization };
  if (body) headers["Content-Type"] = "application/json";
  const began = performance.now();
  const call = { label, url, authorization, request: body, at: new Date() };
  try {
    const text = body ? JSON.stringify(body) : undefined;
    const response = await fetch(url, {
      method: body ? "POST" : "GET",
      headers,
      body: text,
      signal,
    });
    const answer = await response.text();
    Object.assign(call, { status: response.status, ok: response.ok, bytes: answer.length });
    call.response = answer ? parsed(answer) : null;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    Object.assign(call, {
      ok: false,
      failure: "The service did not answer, or the browser may not read its answer (CORS).",
    });
  }
  call.milliseconds = performance.now() - began;
  return call;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What went wrong with a call, in one sentence. */
export function problemOf(call) {
  const diagnostics =
    call.response?.issue?.[0]?.diagnostics ?? call.response?.issue?.[0]?.details?.text;
  return call.failure ?? diagnostics ?? `The service answered with status ${call.status}.`;
}

/** Ask for the services that there are. */
export async function discover(baseUrl, log) {
  const { authorization } = await own("/order-entry/token", { url: baseUrl });
  const call = await exchange("discovery", baseUrl, authorization, null);
  log(call);
  if (!call.ok) throw new Error(problemOf(call));
  return call.response.services ?? [];
}

/** Call one service and return the call with its answer. */
export async function callHook(service, context, sendPrefetch, log, signal) {
  const ready = await own("/order-entry/hook-request", {
    hook: service.hook,
    service: service.id,
    prefetch: service.prefetch ?? {},
    context,
    sendPrefetch,
  });
  const label = `${service.hook} · ${service.id}`;
  const call = await exchange(label, ready.url, ready.authorization, ready.body, signal);
  log(call);
  return call;
}

/** Tell a service what became of one of its cards. */
export async function sendFeedback(baseUrl, serviceId, item, log) {
  const url = `${baseUrl}/${serviceId}/feedback`;
  const { authorization } = await own("/order-entry/token", { url });
  const feedback = [{ ...item, outcomeTimestamp: new Date().toISOString() }];
  const call = await exchange(`feedback · ${serviceId}`, url, authorization, { feedback });
  log(call);
  return call;
}
