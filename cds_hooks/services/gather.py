"""From a hook request to the patient's chart: prefetch first, gaps by queries, in one deadline.

Whatever cannot be had is named; only without the essentials is the call refused (412). Nothing of
another patient gets past this file, and no query leaves it that the access token does not cover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, final

import msgspec

from cds_hooks.errors import (
    EhrEndless,
    EhrError,
    EhrLacks,
    EhrRefused,
    EhrUnauthorized,
    EhrUnreachable,
    EhrUnreadable,
    HostNotAllowed,
    PreconditionsMissing,
    WrongPatient,
)
from cds_hooks.ports import Ehr, FhirQuery, Grant
from cds_hooks.prefetch import (
    Supplied,
    Wanted,
    fill,
    next_page,
    sift,
    supplied,
    token_values,
    wanted,
)
from cds_hooks.security.scopes import queries_covered
from cds_hooks.services.ownership import of_patient
from cds_hooks.services.service import Chart, HookCall, ServiceDefinition
from cds_hooks.wire.request import HookContext

GATHER_DEADLINE_S: Final = 4.0
"""Da Vinci CRD wants 90 % of responses within 5 s; one is left for the twin and the network.

CDS Hooks' own 500 ms hold where the EHR sends the prefetch: then nothing is gathered.
https://hl7.org/fhir/us/davinci-crd/STU2.1/deviations.html
"""

_REASONS: Final[Mapping[type[Exception], str]] = {
    EhrRefused: "the EHR denied access to it",
    EhrUnauthorized: "the EHR denied access to it",
    EhrLacks: "the EHR has no such resource",
    EhrUnreachable: "the EHR's FHIR server did not answer in time",
    EhrUnreadable: "the EHR's FHIR server answered with an error",
    EhrEndless: "the EHR's FHIR server returned pages without end",
    HostNotAllowed: "the call's FHIR server is not on this installation's allow-list",
}


@final
@dataclass(frozen=True, slots=True)
class Sources:
    """Where one call's data may come from."""

    prefetch: Mapping[str, msgspec.Raw] = field(repr=False)
    grant: Grant | None = field(repr=False)
    """None: there is no access to a FHIR server, so that only the prefetch can be read."""
    ehr: Ehr
    deadline_s: float = GATHER_DEADLINE_S
    """For all queries together; what has not come by then is missing."""

    @staticmethod
    def left_to(call: HookCall, ehr: Ehr) -> Sources:
        """Return what a service may still read for a call: its grant, in the time that is left."""
        sources = Sources({}, call.grant, ehr)
        if call.gather_until is None:
            return sources
        left_s = call.gather_until - asyncio.get_running_loop().time()
        return replace(sources, deadline_s=max(0.0, left_s))


@final
@dataclass(frozen=True, slots=True)
class _Found:
    """What could be had for one template; ``reason`` says why nothing could."""

    resources: tuple[msgspec.Raw, ...] = ()
    set_aside: tuple[str, ...] = ()
    reason: str | None = None


async def gather(definition: ServiceDefinition, context: HookContext, sources: Sources) -> Chart:
    """Return the chart of the patient of the call.

    Raises
    ------
    cds_hooks.errors.PreconditionsMissing
        An essential key could not be had (CH-051, CH-080).
    cds_hooks.errors.WrongPatient
        A resource, or the access token, is another patient's (CH-058).
    """
    grant = sources.grant
    if grant is not None and grant.patient_id not in {None, context.patient_id}:
        raise WrongPatient(
            "$.fhirAuthorization.patient is another patient than $.context.patientId; send a token"
            " for the patient of the context."
        )
    values = token_values(context)
    wants = [wanted(key, text) for key, text in definition.prefetch.items()]
    found: dict[str, _Found] = {}
    asked: dict[str, Coroutine[None, None, _Found]] = {}
    for want in wants:
        held = _held(want, sources)
        if _is_whole(want, held):
            found[want.key] = _Found(held.resources, held.set_aside)
        else:
            asked[want.key] = _asked(want, held, values, sources)
    if asked:
        found |= await _by_deadline(asked, sources.deadline_s)
    return _chart(definition, wants, found, context.patient_id)


async def read_references(
    references: Sequence[str], patient_id: str, sources: Sources
) -> tuple[tuple[msgspec.Raw, ...], Mapping[str, str]]:
    """Return the resources that references such as ``ServiceRequest/7`` name, and why others lack.

    They are read as prefetch gaps are: at once, within the token's scopes, by the deadline.

    Raises
    ------
    cds_hooks.errors.PreconditionsMissing
        Not one could be had.
    cds_hooks.errors.WrongPatient
        One is another patient's.
    """
    wants = [wanted(reference, reference) for reference in dict.fromkeys(references)]
    asked = {want.key: _asked(want, Supplied(satisfied=False), {}, sources) for want in wants}
    found = await _by_deadline(asked, sources.deadline_s)
    chart = _read(wants, found, patient_id)
    if not chart.resources:
        raise PreconditionsMissing(
            "None of the orders that the call refers to could be read: "
            + " ".join(chart.missing.values())
            + " Send fhirServer with fhirAuthorization that covers them."
        )
    return tuple(chain.from_iterable(chart.resources.values())), chart.missing


def _held(want: Wanted, sources: Sources) -> Supplied:
    if want.key not in sources.prefetch:
        return Supplied(satisfied=False)
    return supplied(want, sources.prefetch[want.key])


def _is_whole(want: Wanted, held: Supplied) -> bool:
    if not held.satisfied:
        return False
    enough = want.enough is not None and len(held.resources) >= want.enough
    return held.next_url is None or enough


async def _by_deadline(
    asked: Mapping[str, Coroutine[None, None, _Found]], deadline_s: float
) -> dict[str, _Found]:
    tasks = {key: asyncio.ensure_future(each) for key, each in asked.items()}
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=deadline_s)
    finally:
        # Also when the caller itself is cancelled: no query outlives its call.
        for task in tasks.values():
            task.cancel()
    if late:
        await asyncio.wait(late)
    return {
        key: _Found(reason=_REASONS[EhrUnreachable]) if task in late else task.result()
        for key, task in tasks.items()
    }


async def _asked(
    want: Wanted, held: Supplied, values: Mapping[str, str], sources: Sources
) -> _Found:
    if held.satisfied:
        return await _further_pages(want, held, sources)
    query = fill(want, values)
    if query is None:
        return _Found(reason="the call's context does not say for what to ask")
    if sources.grant is None:
        return _Found(
            set_aside=held.set_aside,
            reason="it came neither with the call nor with access to a FHIR server",
        )
    queries = queries_covered(query, sources.grant)
    if not queries:
        return _Found(set_aside=held.set_aside, reason="the access token's scopes do not cover it")
    found = await _search(want, queries, sources.grant, sources.ehr)
    return replace(found, set_aside=held.set_aside + found.set_aside)


async def _further_pages(want: Wanted, held: Supplied, sources: Sources) -> _Found:
    """Return a prefetched page with those that follow it, or say that it is the only one."""
    grant = sources.grant
    query = None
    if grant is not None and held.next_url is not None:
        missing = None if want.enough is None else want.enough - len(held.resources)
        query = next_page(held.next_url, grant.fhir_server, missing)
    found = _Found(reason="no access")
    if (
        grant is not None
        and query is not None
        and queries_covered(FhirQuery(want.template), grant)
    ):
        found = await _search(want, (query,), grant, sources.ehr)
    partial = f"{want.key}: only the first page came; the further ones could not be read."
    return _Found(
        held.resources + found.resources,
        held.set_aside + found.set_aside + ((partial,) if found.reason else ()),
    )


async def _search(want: Wanted, queries: tuple[FhirQuery, ...], grant: Grant, ehr: Ehr) -> _Found:
    resources: list[msgspec.Raw] = []
    try:
        for query in queries:
            resources += await ehr.search(query, grant)
    except (EhrError, HostNotAllowed) as error:
        return _Found(reason=_REASONS.get(type(error), "the EHR did not give it"))
    kept, set_aside = sift(want, resources)
    return _Found(kept, set_aside)


def _chart(
    definition: ServiceDefinition,
    wants: list[Wanted],
    found: Mapping[str, _Found],
    patient_id: str,
) -> Chart:
    chart = _read(wants, found, patient_id)
    lacking = sorted(definition.essential & chart.missing.keys())
    if lacking:
        raise PreconditionsMissing(
            "Without these no guidance can be given: "
            + " ".join(chart.missing[key] for key in lacking)
            + " Send them as prefetch, or fhirServer with fhirAuthorization."
        )
    return chart


def _read(wants: Iterable[Wanted], found: Mapping[str, _Found], patient_id: str) -> Chart:
    resources: dict[str, tuple[msgspec.Raw, ...]] = {}
    missing: dict[str, str] = {}
    set_aside: list[str] = []
    for want in wants:
        had = found[want.key]
        kept, ownerless = of_patient(want.key, had.resources, patient_id)
        set_aside += [*had.set_aside, *ownerless]
        if had.reason is not None:
            missing[want.key] = f"{want.key}: {had.reason}."
        elif not kept and not want.is_search:
            missing[want.key] = f"{want.key}: the EHR has no such resource."
        else:
            resources[want.key] = kept
    return Chart(resources, missing, tuple(set_aside))
