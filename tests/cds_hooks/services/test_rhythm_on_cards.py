"""A rhythm that was read changes the twin, and every card that rests on the twin says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from anyio import run

from cds_hooks.fhir.closed_ehr import ClosedEhr
from cds_hooks.images.kept import KeptSource, PatientDigest
from cds_hooks.services.order_effects import OrderEffects
from cds_hooks.services.patient_twin import PatientTwin, PatientTwins
from cds_hooks.services.service import HookCall
from cds_hooks.services.speaker import Speaker
from tests.cds_hooks.services.test_image_evidence import NOW, ecg, kept
from twin.core.parameters import PARAMETER_INDEX

MakeCall = Callable[..., HookCall]
SPEAKER = Speaker("https://cardiotwin.example/documentation", None)
KICK = PARAMETER_INDEX["standing_atrial_kick_loss"]


def seeing(twins: PatientTwins, *sources: KeptSource) -> PatientTwins:
    """Return the twins of an installation that has read these sources of everybody."""
    return replace(twins, images=lambda _: sources)


def brought_up_to_date(twins: PatientTwins, call: HookCall) -> PatientTwin:
    return run(lambda: twins.with_updated(call, lambda patient: patient))


def test_fibrillation_is_in_the_twin_that_is_kept_and_gone_with_a_later_sinus_rhythm(
    twins: PatientTwins, call: MakeCall
) -> None:
    given = call("heart-failure", "patient-view")
    fibrillating = brought_up_to_date(seeing(twins, kept(ecg(), minutes=120)), given)
    assert np.all(fibrillating.assimilation.fit.parameters[KICK] == 1.0)
    # Nothing is read by now: what is kept of the twin still knows it.
    still = brought_up_to_date(seeing(twins), given)
    assert still.assimilation.unchanged
    sinus = kept(ecg(probability=0.05), minutes=60, number=2)
    later = brought_up_to_date(seeing(twins, sinus, kept(ecg(), minutes=120)), given)
    assert np.all(later.assimilation.fit.parameters[KICK] == 0.0)


def test_each_patients_own_readings_are_asked_for(twins: PatientTwins, call: MakeCall) -> None:
    asked: list[PatientDigest] = []

    def images(patient: PatientDigest) -> tuple[KeptSource, ...]:
        asked.append(patient)
        return ()

    watched = replace(twins, images=images)
    for name in ("heart-failure", "stable", "stable"):
        brought_up_to_date(watched, call(name, "patient-view"))
    assert asked[1] == asked[2] != asked[0]


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (ecg(), "Atrial fibrillation (80 %, ECG document 15 min ago)"),
        (ecg(probability=0.3), "the twin was left as it is"),
        (ecg("3dAVb", rate_per_min=44.0), "it sets the heart rate at 44 /min"),
        (ecg("3dAVb", rate_per_min=88.0), "A rhythm was read and is not simulated"),
    ],
)
def test_the_card_of_an_order_says_what_was_read_and_what_it_changed(
    twins: PatientTwins, call: MakeCall, bolus: dict[str, Any], reading: Any, words: str
) -> None:
    service = OrderEffects(seeing(twins, kept(reading)), ClosedEhr(), SPEAKER)
    (card,) = run(service.cards, call("stable", "order-sign", bolus))
    assert "**Read on ECGs and radiographs**" in (card.detail or "")
    assert words in (card.detail or "")


def test_without_a_reading_no_card_speaks_of_ecgs(
    twins: PatientTwins, call: MakeCall, bolus: dict[str, Any]
) -> None:
    service = OrderEffects(twins, ClosedEhr(), SPEAKER)
    (card,) = run(service.cards, call("stable", "order-sign", bolus))
    assert "ECG" not in (card.detail or "")


def test_an_ecg_of_last_week_changes_nothing(twins: PatientTwins, call: MakeCall) -> None:
    old = replace(kept(ecg()), taken_at=NOW - timedelta(days=7))
    patient = brought_up_to_date(seeing(twins, old), call("heart-failure", "patient-view"))
    assert np.all(patient.assimilation.fit.parameters[KICK] == 0.0)
    assert patient.basis.images == ()
