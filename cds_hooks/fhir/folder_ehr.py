"""A folder of FHIR Bundles that stands in for an EHR: an adapter of ``Ehr`` and ``OrderWriting``.

It answers reads and the searches of this service's own prefetch templates, and refuses every
parameter it does not know: an ignored parameter would widen the answer unnoticed.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import parse_qsl

import msgspec

from cds_hooks.errors import EhrLacks, EhrRefused, EhrUnreachable, EhrUnreadable
from cds_hooks.fhir.resources import Reference
from cds_hooks.fhir.subject import Whose, whose
from cds_hooks.ports import FhirQuery, Grant

Json = dict[str, Any]

_MOST_BYTES: Final = 100_000_000
_TIMES: Final = (
    "effectiveDateTime", "effectiveInstant", "started", "authoredOn", "date", "createdDateTime",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Held:
    resource: Json
    raw: msgspec.Raw


@final
class FolderEhr:
    """Holds every resource of a folder's ``*.json`` and ``*.json.gz`` files in memory.

    What is created is held in memory, too; the folder is never written to.

    Parameters
    ----------
    folder
        Files of one Bundle or one resource each; read at the first search.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, dict[str, _Held]] | None = None

    async def search(self, query: FhirQuery, grant: Grant) -> tuple[msgspec.Raw, ...]:
        """Return the resources of a read or a search; the grant's server and token are not used.

        Raises
        ------
        cds_hooks.errors.EhrRefused
            The grant is of one patient and the search names another.
        cds_hooks.errors.EhrLacks
            No such resource.
        cds_hooks.errors.EhrUnreachable
            The folder cannot be read.
        cds_hooks.errors.EhrUnreadable
            A file is no FHIR JSON, or the query is not one that is known here.
        """
        held = await self._loaded()
        path, asks, parameters = query.path.partition("?")
        resource_type, _, resource_id = path.partition("/")
        of_type = held.get(resource_type, {})
        if not asks:
            if resource_id not in of_type:
                raise EhrLacks("The folder holds no such resource.")
            return (of_type[resource_id].raw,)
        return _search(of_type.values(), parse_qsl(parameters, keep_blank_values=True), grant)

    async def create(self, resource: Mapping[str, object], grant: Grant) -> str:
        """Hold one resource under a new id; see ``OrderWriting.create``.

        Raises
        ------
        cds_hooks.errors.EhrRefused
            The grant is of one patient and the resource names another.
        """
        subject = resource.get("subject")
        named = subject.get("reference") if isinstance(subject, dict) else None
        _refuse_other_patient(str(named or ""), grant)
        kind = str(resource["resourceType"])
        of_type = (await self._loaded()).setdefault(kind, {})
        created = {**resource, "id": f"created-{len(of_type) + 1}"}
        of_type[str(created["id"])] = _Held(created, msgspec.Raw(msgspec.json.encode(created)))
        return f"{kind}/{created['id']}"

    async def _loaded(self) -> dict[str, dict[str, _Held]]:
        if self._held is None:
            self._held = await asyncio.to_thread(_load, self._folder)
        return self._held


def _load(folder: Path) -> dict[str, dict[str, _Held]]:
    held: dict[str, dict[str, _Held]] = {}
    if not folder.is_dir():
        raise EhrUnreachable("The folder that stands in for the EHR is not there.")
    try:
        for path in sorted([*folder.glob("*.json"), *folder.glob("*.json.gz")]):
            for resource in _resources(path):
                kind, name = resource.get("resourceType"), resource.get("id")
                if isinstance(kind, str) and isinstance(name, str):
                    raw = msgspec.Raw(msgspec.json.encode(resource))
                    held.setdefault(kind, {})[name] = _Held(resource, raw)
    except OSError:
        raise EhrUnreachable("The folder that stands in for the EHR cannot be read.") from None
    return held


def _resources(path: Path) -> Iterator[Json]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise EhrUnreadable("A file of the folder is larger than is read.")
    try:
        content = msgspec.json.decode(data, type=Json)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EhrUnreadable("A file of the folder is no FHIR JSON.") from None
    if content.get("resourceType") != "Bundle":
        yield content
        return
    for entry in content.get("entry", ()):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry["resource"]


def _search(
    held: Iterable[_Held], parameters: list[tuple[str, str]], grant: Grant
) -> tuple[msgspec.Raw, ...]:
    found = list(held)
    for name, value in parameters:
        if name in ("_sort", "_count"):
            continue
        if name not in _MATCHES:
            raise EhrUnreadable(f"A folder cannot be searched by the parameter {name[:40]}.")
        if name in ("patient", "subject"):
            _refuse_other_patient(value, grant)
        matches = _MATCHES[name]
        found = [each for each in found if matches(each.resource, value)]
    for name, value in parameters:
        if name == "_sort":
            found.sort(key=lambda each: _time(each.resource), reverse=value.startswith("-"))
    return tuple(each.raw for each in found)


def _refuse_other_patient(value: str, grant: Grant) -> None:
    if grant.patient_id is not None and value.removeprefix("Patient/") != grant.patient_id:
        raise EhrRefused("The grant is of another patient than the search.")


def _of_patient(resource: Json, value: str) -> bool:
    subject = resource.get("subject") or resource.get("patient") or {}
    reference = Reference(reference=subject.get("reference"))
    return whose(reference, value.removeprefix("Patient/")) is Whose.SAME


def _has_token(member: str) -> Callable[[Json, str], bool]:
    def matches(resource: Json, value: str) -> bool:
        concepts = resource.get(member) or []
        codings = [
            (coding.get("system"), coding.get("code"))
            for concept in (concepts if isinstance(concepts, list) else [concepts])
            for coding in concept.get("coding", ())
        ]
        return any(_token_matches(token, codings) for token in value.split(","))

    return matches


def _token_matches(token: str, codings: list[tuple[str | None, str | None]]) -> bool:
    """Return whether a ``system|code`` or ``code`` is among codings (R4 search, token)."""
    system, bar, code = token.rpartition("|")
    return any(
        each_code == code and (not bar or each_system == (system or None))
        for each_system, each_code in codings
    )


def _in_period(resource: Json, value: str) -> bool:
    prefix, text = (value[:2], value[2:]) if value[:1].isalpha() else ("eq", value)
    wanted, taken = _instant(text), _time(resource)
    compare = {
        "ge": taken >= wanted,
        "gt": taken > wanted,
        "le": taken <= wanted,
        "lt": taken < wanted,
        "eq": taken == wanted,
    }
    if prefix not in compare:
        raise EhrUnreadable("A folder cannot be searched by this kind of date.")
    return compare[prefix]


def _time(resource: Json) -> datetime:
    period = resource.get("effectivePeriod") or {}
    texts = (*(resource.get(name) for name in _TIMES), period.get("end"), period.get("start"))
    text = next((each for each in texts if isinstance(each, str)), None)
    try:
        return _instant(text) if text is not None else datetime.min.replace(tzinfo=UTC)
    except EhrUnreadable:
        return datetime.min.replace(tzinfo=UTC)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise EhrUnreadable("A date of the search is none.") from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


_MATCHES: Final[dict[str, Callable[[Json, str], bool]]] = {
    "patient": _of_patient,
    "subject": _of_patient,
    "_id": lambda resource, value: resource.get("id") in value.split(","),
    "status": lambda resource, value: resource.get("status") in value.split(","),
    "category": _has_token("category"),
    "code": _has_token("code"),
    "type": _has_token("type"),
    "modality": _has_token("modality"),
    "date": _in_period,
}
