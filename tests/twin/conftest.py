"""What the tests of the twin share: the shipped emulator, an estimator, and made-up patients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from twin.core.emulator import Emulator
from twin.core.estimate import Estimator
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device, Measurement
from twin.core.parameters import Body
from twin.store.emulator_file import read_emulator

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def emulator() -> Emulator:
    return read_emulator()


@pytest.fixture(scope="session")
def estimator(emulator: Emulator) -> Estimator:
    return Estimator(emulator)


class Bedside:
    """Makes measurements of a made-up patient around noon."""

    noon = NOON
    man = Body(60.0, "male", 80.0, 178.0)

    stable: ClassVar = {
        Quantity.HEART_RATE: 74.0,
        Quantity.SYSTOLIC_PRESSURE: 122.0,
        Quantity.DIASTOLIC_PRESSURE: 72.0,
        Quantity.OXYGEN_SATURATION: 97.0,
    }
    bleeding: ClassVar = {
        Quantity.HEART_RATE: 116.0,
        Quantity.SYSTOLIC_PRESSURE: 84.0,
        Quantity.DIASTOLIC_PRESSURE: 52.0,
        Quantity.MEAN_PRESSURE: 63.0,
        Quantity.OXYGEN_SATURATION: 96.0,
    }

    def seen(
        self,
        values: Mapping[Quantity, float],
        hours_ago: float = 0.0,
        device: Device = Device.UNKNOWN,
    ) -> list[Measurement]:
        at = NOON - timedelta(hours=hours_ago)
        return [
            Measurement(quantity, value, at, f"Observation/{quantity.value}-{hours_ago}", device)
            for quantity, value in values.items()
        ]


@pytest.fixture(scope="session")
def bedside() -> Bedside:
    return Bedside()
