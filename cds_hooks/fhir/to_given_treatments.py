"""MedicationAdministrations become recorded treatment: what was given, how much, and when.

Pure. An administration is read as the order that it carried out (``to_interventions``), so that
drug, dose, route and rate mean the same in both; only its times are its own. What is not
understood is kept with its reason: that *something* was given is knowledge, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

import msgspec

from cds_hooks.fhir.dosage import Measure, Unclear, dosing_of
from cds_hooks.fhir.observation_values import CLOCK_TOLERANCE, NotUsable, instant_of
from cds_hooks.fhir.order_resources import (
    Dosage,
    DoseAndRate,
    MedicationRequest,
    Repeat,
    Timing,
)
from cds_hooks.fhir.readings import NotUsed
from cds_hooks.fhir.resources import (
    AdministeredDosage,
    MedicationAdministration,
    Quantity,
    Ratio,
    Unreadable,
    age_order,
    head,
    head_of,
    read,
)
from cds_hooks.fhir.subject import Whose, is_known_to_be_of
from cds_hooks.fhir.to_interventions import NotUnderstood, OrderedIntervention, orders_of
from cds_hooks.fhir.to_measurements import PatientFacts
from cds_hooks.fhir.wording import quoted
from twin.core.interventions import DrugDose, Fluid, Infusion, Intervention, Route, Stop

_ADMINISTRATION: Final = msgspec.json.Decoder(MedicationAdministration)

_GIVEN: Final = frozenset({"completed", "in-progress", "stopped"})
"""https://hl7.org/fhir/R4/valueset-medication-admin-status.html: what was on hold ran until a time
that is not told."""

_NOTHING_GIVEN: Final = frozenset({"not-done", "entered-in-error"})

LONGEST_BOLUS: Final = timedelta(minutes=5)
"""A dose of a drug over more than this is an infusion of the dose over the time; own choice."""


@dataclass(frozen=True, slots=True)
class GivenTreatment:
    """One administration, in the twin's units as far as it was understood."""

    reference: str
    """``MedicationAdministration/x/_history/3``."""
    label: str
    """Drug or fluid in the chart's words, with the dose behind it where it was understood."""
    codes: tuple[tuple[str, str], ...]
    """System and code of each coding of the medication."""
    start: datetime
    end: datetime | None
    """None while it runs."""
    dose: Measure | None
    rate: Measure | None
    intervention: Intervention | None
    """What it does to the circulation, from ``start`` on; None where it was not understood."""
    assumption: str | None
    not_understood: str | None
    """Why there is no intervention, as a sentence without its full stop."""
    request: str | None = None
    """The order that it carries out, ``MedicationRequest/x``."""

    @property
    def runs(self) -> bool:
        """Return whether it was still being given when the chart was read."""
        return self.end is None


@dataclass(frozen=True, slots=True)
class GivenTreatments:
    """What was read of a chart."""

    treatments: tuple[GivenTreatment, ...]
    """Oldest first."""
    not_used: tuple[NotUsed, ...]


def given_treatments_of(
    resources: Iterable[msgspec.Raw],
    facts: PatientFacts,
    now: datetime,
    *,
    zone: tzinfo | None = None,
) -> GivenTreatments:
    """Read every MedicationAdministration among the resources; other types are passed over.

    Parameters
    ----------
    resources
        JSON of FHIR resources, such as the entries of a prefetched Bundle.
    facts
        The patient of the call; rates that are not per kilogram need the weight.
    now
        The instant of the call; what begins after it was not given yet.
    zone
        The site's time zone, for times that come without one; None where not configured.

    Raises
    ------
    cds_hooks.errors.WrongPatient
        An administration is of another patient: the whole chart is then in doubt.
    """
    newest: dict[str, MedicationAdministration] = {}
    not_used: list[NotUsed] = []
    for position, raw in enumerate(resources):
        named = head(raw)
        if named.resource_type not in (None, "MedicationAdministration"):
            continue
        try:
            administration = read(_ADMINISTRATION, raw)
            _refuse_unknown_owner(administration, facts, position)
        except Unreadable as reason:
            not_used.append(NotUsed(named.reference, str(reason)))
            continue
        key = administration.id or f"without id, {position}"
        if key not in newest or age_order(newest[key]) <= age_order(administration):
            newest[key] = administration
    treatments = []
    for administration in newest.values():
        try:
            if administration.status not in _NOTHING_GIVEN:
                treatments.append(_given(administration, facts, now, zone))
        except NotUsable as reason:
            not_used.append(NotUsed(head_of(administration).reference, str(reason)))
    return GivenTreatments(tuple(sorted(treatments, key=_start)), tuple(not_used))


def _start(given: GivenTreatment) -> datetime:
    return given.start


def _refuse_unknown_owner(
    administration: MedicationAdministration, facts: PatientFacts, position: int
) -> None:
    place = f"The MedicationAdministration at position {position} of the chart"
    if facts.patient_id is None or not is_known_to_be_of(
        facts.patient_id, administration.subject, place
    ):
        raise Unreadable(Whose.UNKNOWN.value)


def _given(
    administration: MedicationAdministration,
    facts: PatientFacts,
    now: datetime,
    zone: tzinfo | None,
) -> GivenTreatment:
    if administration.status not in _GIVEN:
        raise NotUsable(f"its status is {quoted(administration.status or 'missing', 20)}")
    start, end = _times(administration, now, zone)
    order = _as_order(administration, None if end is None else end - start)
    dose, rate = _amounts(order)
    if end == start and administration.status == "completed":
        end = start + _time_taken(dose, rate)
    found = _understood(order, start, end, facts)
    understood = found if isinstance(found, OrderedIntervention) else None
    what = understood.intervention if understood is not None else None
    if isinstance(what, Stop):
        raise TypeError("What carries out an active order stops nothing.")
    return GivenTreatment(
        reference=head_of(administration).reference,
        label=found.label,
        codes=_codes(administration),
        start=start,
        end=_end(found, start, end),
        dose=dose,
        rate=rate,
        intervention=what,
        assumption=understood.assumption if understood is not None else None,
        not_understood=found.reason if isinstance(found, NotUnderstood) else None,
        request=administration.request.reference if administration.request else None,
    )


def _understood(
    order: MedicationRequest, start: datetime, end: datetime | None, facts: PatientFacts
) -> OrderedIntervention | NotUnderstood:
    """Return what the order means with these times, or why it cannot be told."""
    found = _read_as_order(order, facts)
    if isinstance(found, OrderedIntervention) and _is_spread(found.intervention, start, end):
        found = _read_as_order(_as_infusion(order, start, end), facts)
    if isinstance(found, NotUnderstood):
        return found
    reason = None
    if _is_spread(found.intervention, start, end):
        reason = "its dose is in words and was given over a time"
    elif end is None and isinstance(found.intervention, DrugDose):
        reason = "it is being given and its rate is not recorded"
    elif end == start and isinstance(found.intervention, Infusion):
        reason = "it is a rate and does not say until when it ran"
    return found if reason is None else NotUnderstood(found.reference, found.label, reason)


def _read_as_order(
    order: MedicationRequest, facts: PatientFacts
) -> OrderedIntervention | NotUnderstood:
    orders = orders_of([msgspec.Raw(msgspec.json.encode(order))], facts)
    if orders.understood:
        return orders.understood[0]
    return orders.not_understood[0]


def _times(
    administration: MedicationAdministration, now: datetime, zone: tzinfo | None
) -> tuple[datetime, datetime | None]:
    """Return start and end; no end where it is in progress and none has passed yet."""
    period = administration.effective_period
    text = administration.effective_date_time or (period.start if period is not None else None)
    if text is None:
        raise NotUsable("it does not say when it was given")
    start = instant_of(text, zone)
    if start - now > CLOCK_TOLERANCE:
        raise NotUsable("it lies in the future")
    end = instant_of(period.end, zone) if period is not None and period.end is not None else None
    if end is not None and end < start:
        raise NotUsable("it ends before it begins")
    if administration.status == "in-progress":
        return start, end if end is not None and end <= now else None
    if end is not None and end - now > CLOCK_TOLERANCE:
        raise NotUsable("it is said to have ended at a time that is still to come")
    return start, end if end is not None else start


def _time_taken(dose: Measure | None, rate: Measure | None) -> timedelta:
    """Return how long a dose takes at its rate; nothing where one of them is not charted."""
    if dose is None or rate is None or (dose.base, dose.per_kg) != (rate.base, rate.per_kg):
        return timedelta(0)
    return timedelta(minutes=dose.value / rate.value)


def _end(
    found: OrderedIntervention | NotUnderstood, start: datetime, end: datetime | None
) -> datetime | None:
    """Return the end; a volume of which only the start is charted takes its usual time."""
    if isinstance(found, NotUnderstood) or not isinstance(found.intervention, Fluid):
        return end
    return start + timedelta(seconds=found.intervention.duration_s) if end == start else end


def _as_order(
    administration: MedicationAdministration, lasted: timedelta | None
) -> MedicationRequest:
    """Return the order that the administration carried out."""
    given = administration.dosage or AdministeredDosage()
    seconds = lasted.total_seconds() if lasted else 0.0
    repeat = Repeat(duration=seconds, duration_unit="s") if seconds > 0 else None
    amounts = DoseAndRate(
        dose_quantity=given.dose, rate_quantity=given.rate_quantity, rate_ratio=given.rate_ratio
    )
    charted = given.dose or given.rate_quantity or given.rate_ratio
    return MedicationRequest(
        resource_type="MedicationRequest",
        id=administration.id,
        status="active",
        subject=administration.subject,
        medication_codeable_concept=administration.medication_codeable_concept,
        medication_reference=administration.medication_reference,
        contained=administration.contained,
        dosage_instruction=(
            Dosage(
                text=given.text,
                route=given.route,
                timing=Timing(repeat=repeat) if repeat is not None else None,
                dose_and_rate=(amounts,) if charted is not None else None,
            ),
        ),
    )


def _is_spread(intervention: Intervention | Stop, start: datetime, end: datetime | None) -> bool:
    """Return whether a dose was spread over time: as a bolus it would act far too strongly."""
    return (
        isinstance(intervention, DrugDose)
        and not intervention.duration_s
        and intervention.route is Route.INTRAVENOUS
        and end is not None
        and end - start > LONGEST_BOLUS
    )


def _as_infusion(
    order: MedicationRequest, start: datetime, end: datetime | None
) -> MedicationRequest:
    """Return the order with its dose as a rate over the time that it took."""
    (dosage,) = order.dosage_instruction or (Dosage(),)
    amounts = dosage.dose_and_rate or ()
    if end is None or not amounts or amounts[0].dose_quantity is None:
        return order
    over = Quantity(value=(end - start).total_seconds() / 60, unit="min", code="min")
    rate = DoseAndRate(rate_ratio=Ratio(numerator=amounts[0].dose_quantity, denominator=over))
    spread = msgspec.structs.replace(dosage, dose_and_rate=(rate,), text=None)
    return msgspec.structs.replace(order, dosage_instruction=(spread,))


def _amounts(order: MedicationRequest) -> tuple[Measure | None, Measure | None]:
    try:
        dosing = dosing_of(order.dosage_instruction or (), None)
    except Unclear:
        return None, None
    return dosing.dose, dosing.rate


def _codes(administration: MedicationAdministration) -> tuple[tuple[str, str], ...]:
    concept = administration.medication_codeable_concept
    return tuple(
        (quoted(each.system or "", 200), quoted(each.code, 64))
        for each in (concept.codings if concept is not None else ())
        if each.code is not None
    )
