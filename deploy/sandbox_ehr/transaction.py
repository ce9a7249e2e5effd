"""A FHIR transaction on the store: all of it or none.

Specification: https://hl7.org/fhir/R4/http.html#transaction, with its order of processing (DELETE,
then POST, then PUT) and its rewriting of references to ``urn:uuid`` entries.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from sandbox_ehr.errors import BadResource, SandboxError
from sandbox_ehr.resources import ID, Resource
from sandbox_ehr.store import Store

ORDER = {"DELETE": 0, "POST": 1, "PUT": 2}


@dataclass(frozen=True, slots=True)
class _Change:
    method: str
    resource_type: str
    resource_id: str
    resource: Resource | None


def run_transaction(store: Store, bundle: Resource) -> Resource:
    """Apply a transaction Bundle and return the transaction-response Bundle, in the same order.

    Raises
    ------
    SandboxError
        The first entry that cannot be applied; nothing has been changed then.
    """
    entries = bundle.get("entry", [])
    if bundle.get("type") != "transaction" or not isinstance(entries, list):
        raise BadResource("POST to the base takes a Bundle of type transaction.")
    new_ids: dict[str, str] = {}
    changes = [_change(entry, position, new_ids) for position, entry in enumerate(entries)]
    targets = [(each.resource_type, each.resource_id) for each in changes]
    if len(set(targets)) != len(targets):
        raise BadResource("Two entries of the transaction change the same resource.")
    mark = store.mark()
    answers: dict[int, Resource] = {}
    try:
        for position in sorted(range(len(changes)), key=lambda at: ORDER[changes[at].method]):
            answers[position] = _apply(store, _rewritten(changes[position], new_ids))
    except SandboxError:
        store.roll_back(mark)
        raise
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [answers[position] for position in range(len(changes))],
    }


def _change(entry: object, position: int, new_ids: dict[str, str]) -> _Change:
    """Read one entry; a POST is given its id here so that others can refer to it."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(request, dict):
        raise BadResource(f"Bundle.entry[{position}] has no request.")
    method, url = str(request.get("method")), str(request.get("url", ""))
    resource = entry.get("resource")
    resource_type, _, resource_id = url.partition("/")
    if method not in ORDER:
        raise BadResource(f"Bundle.entry[{position}]: the method must be POST, PUT or DELETE.")
    if method == "POST":
        resource_id = str(uuid.uuid4())
        new_ids[str(entry.get("fullUrl"))] = f"{resource_type}/{resource_id}"
    if not ID.fullmatch(resource_id):
        raise BadResource(f"Bundle.entry[{position}]: the url must be Type/id (or Type for POST).")
    if method == "DELETE":
        return _Change(method, resource_type, resource_id, None)
    if not isinstance(resource, dict) or resource.get("resourceType") != resource_type:
        raise BadResource(f"Bundle.entry[{position}]: the resource is no {resource_type[:40]}.")
    return _Change(method, resource_type, resource_id, {**resource, "id": resource_id})


def _rewritten(change: _Change, new_ids: dict[str, str]) -> _Change:
    """Return the change with references to entries created beside it made real."""
    if change.resource is None:
        return change
    text = json.dumps(change.resource)
    for temporary, reference in new_ids.items():
        if temporary.startswith("urn:uuid:"):
            text = text.replace(json.dumps(temporary), json.dumps(reference))
    return _Change(change.method, change.resource_type, change.resource_id, json.loads(text))


def _apply(store: Store, change: _Change) -> Resource:
    if change.resource is None:
        store.delete(change.resource_type, change.resource_id)
        return {"response": {"status": "204 No Content"}}
    stored = store.update(change.resource)
    version = stored["meta"]["versionId"]
    return {
        "response": {
            "status": "201 Created" if version == "1" else "200 OK",
            "location": f"{change.resource_type}/{change.resource_id}/_history/{version}",
            "etag": f'W/"{version}"',
            "lastModified": stored["meta"]["lastUpdated"],
        }
    }
