"""The sandbox's FHIR resources in memory, every version kept. Nothing here knows HTTP."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from sandbox_ehr.clock import Now
from sandbox_ehr.errors import BadResource, Gone, NoSuchResource, UnknownType, WrongVersion
from sandbox_ehr.resources import ID, Resource
from sandbox_ehr.search_parameters import SEARCH_PARAMETERS


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; ``resource`` is None where that version is a deletion."""

    number: int
    resource: Resource | None


@final
class Store:
    """Resources by type and id: https://hl7.org/fhir/R4/http.html.

    Every method runs without a pause of the event loop, so requests do not interleave inside one.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._versions: dict[str, dict[str, list[Version]]] = {
            resource_type: {} for resource_type in SEARCH_PARAMETERS
        }

    def all_of(self, resource_type: str) -> Iterable[Resource]:
        """Yield the current version of every resource of a type."""
        for versions in self._of_type(resource_type).values():
            if versions[-1].resource is not None:
                yield versions[-1].resource

    def read(self, resource_type: str, resource_id: str, version: int | None = None) -> Resource:
        """Return a resource, at one version or at its current one.

        Raises
        ------
        NoSuchResource
            Unknown id or version.
        Gone
            The resource was deleted.
        """
        versions = self._of_type(resource_type).get(resource_id)
        if versions is None:
            raise NoSuchResource(f"There is no such {resource_type} here.")
        if version is None:
            chosen = versions[-1]
        elif 1 <= version <= len(versions):
            chosen = versions[version - 1]
        else:
            raise NoSuchResource(f"This {resource_type} has no version {version}.")
        if chosen.resource is None:
            raise Gone(f"This {resource_type} was deleted.")
        return chosen.resource

    def create(self, resource: Resource) -> Resource:
        """Store a resource under an id of the server's choice and return it."""
        return self._put(resource, str(uuid.uuid4()))

    def update(self, resource: Resource, if_match: int | None = None) -> Resource:
        """Store a resource under its own id, as a new version; an unknown id is created.

        Raises
        ------
        WrongVersion
            ``if_match`` is given and is not the current version.
        """
        resource_id = resource.get("id")
        if not isinstance(resource_id, str) or not ID.fullmatch(resource_id):
            raise BadResource("An update needs the resource's id: 1 to 64 of A-Z a-z 0-9 - .")
        if if_match is not None:
            current = self._of_type(_type_of(resource)).get(resource_id, [])
            if len(current) != if_match:
                raise WrongVersion(
                    f"If-Match names version {if_match}; the current one is {len(current)}. "
                    "Read the resource again and repeat the change on it."
                )
        return self._put(resource, resource_id)

    def delete(self, resource_type: str, resource_id: str) -> None:
        """Delete a resource; deleting what is not there is no error."""
        versions = self._of_type(resource_type).get(resource_id)
        if versions and versions[-1].resource is not None:
            versions.append(Version(versions[-1].number + 1, None))

    def mark(self) -> dict[str, dict[str, list[Version]]]:
        """Return a mark to which :meth:`roll_back` can return."""
        return {
            resource_type: {key: list(versions) for key, versions in of_type.items()}
            for resource_type, of_type in self._versions.items()
        }

    def roll_back(self, mark: dict[str, dict[str, list[Version]]]) -> None:
        """Undo everything since the mark was taken."""
        self._versions = mark

    def _of_type(self, resource_type: str) -> dict[str, list[Version]]:
        if resource_type not in self._versions:
            raise UnknownType(
                f"'{resource_type[:40]}' is not held here; "
                f"this server holds {', '.join(self._versions)}."
            )
        return self._versions[resource_type]

    def _put(self, resource: Resource, resource_id: str) -> Resource:
        versions = self._of_type(_type_of(resource)).setdefault(resource_id, [])
        stored = copy.deepcopy(resource)
        number = len(versions) + 1
        stored["id"] = resource_id
        meta = stored.get("meta")
        stored["meta"] = {
            **(meta if isinstance(meta, dict) else {}),
            "versionId": str(number),
            "lastUpdated": self._now().isoformat(timespec="milliseconds"),
        }
        versions.append(Version(number, stored))
        return stored


def _type_of(resource: Resource) -> str:
    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str):
        raise BadResource("The body is no FHIR resource: it has no resourceType.")
    return resource_type
