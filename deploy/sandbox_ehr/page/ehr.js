// The sandbox's own FHIR server, as the page uses it: https://hl7.org/fhir/R4/http.html

const BASE = "/fhir";
const HEADERS = { "Content-Type": "application/fhir+json", Accept: "application/fhir+json" };

async function asked(path, options = {}) {
  const response = await fetch(`${BASE}${path}`, { headers: HEADERS, ...options });
  if (response.status === 204) return null;
  const content = await response.json();
  if (!response.ok) throw new Error(content.issue?.[0]?.diagnostics ?? `Status ${response.status}`);
  return content;
}

/** Every resource of a search, over all its pages. */
export async function search(type, conditions) {
  const found = [];
  let path = `/${type}?${new URLSearchParams(conditions)}`;
  while (path) {
    const bundle = await asked(path);
    found.push(...(bundle.entry ?? []).map((entry) => entry.resource));
    const next = bundle.link?.find((link) => link.relation === "next");
    path = next ? next.url.slice(next.url.indexOf(BASE) + BASE.length) : null;
  }
  return found;
}

/** Store a resource under its own id. */
export function save(resource) {
  const body = JSON.stringify(resource);
  return asked(`/${resource.resourceType}/${resource.id}`, { method: "PUT", body });
}

/** Remove a resource; one that is not there is no error. */
export function remove(reference) {
  return asked(`/${reference}`, { method: "DELETE" });
}

/**
 * Apply a suggestion's actions, all or none, as CDS Hooks 2.0 advises: one FHIR transaction.
 * https://cds-hooks.hl7.org/2.0/#action
 */
export function apply(actions) {
  const entry = actions.map((action) => transactionEntry(action));
  const bundle = { resourceType: "Bundle", type: "transaction", entry };
  return asked("/", { method: "POST", body: JSON.stringify(bundle) });
}

function transactionEntry({ type, resource, resourceId }) {
  if (type === "delete") {
    const reference = resourceId ?? `${resource.resourceType}/${resource.id}`;
    return { request: { method: "DELETE", url: reference } };
  }
  if (type === "update") {
    return { resource, request: { method: "PUT", url: `${resource.resourceType}/${resource.id}` } };
  }
  const fullUrl = `urn:uuid:${crypto.randomUUID()}`;
  return { fullUrl, resource, request: { method: "POST", url: resource.resourceType } };
}
