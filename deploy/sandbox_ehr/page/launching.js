// Where a registered SMART app is opened from: the sandbox adds `iss` and a fresh `launch` there.

/** The address that opens an app on a patient; `open` has the patient's id and its stay. */
export function launchAddress(app, open, appContext = null) {
  const query = new URLSearchParams({ client: app.client, patient: open.id });
  if (open.encounter) query.set("encounter", open.encounter.split("/").pop());
  if (appContext) query.set("appContext", appContext);
  return `/launch-app?${query}`;
}
