// What the page is about at this moment: which patient is open, which order is being written, which
// questions are under way. Values only; what happens to them is in the other files.

export const session = {
  settings: null,
  discovered: null,
  patient: null,
  draft: null,
  patientCall: null,
  orderCall: null,
};

/** Whether a suggestion's action is about the order that is being written. */
export function isOfDraft(action) {
  const { draft } = session;
  const about = action.resourceId ?? `${action.resource?.resourceType}/${action.resource?.id}`;
  return draft !== null && about === `${draft.resourceType}/${draft.id}`;
}
