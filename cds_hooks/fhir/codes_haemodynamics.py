"""Rows of the table of measurement codes: invasive pressures, flow and pumping."""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir import ucum
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import (
    OWN_CHOICE,
    Bounds,
    Loinc,
    MeasurementCode,
)
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Device

HAEMODYNAMICS: Final = (
    MeasurementCode(
        kind=Kind.CENTRAL_VENOUS_PRESSURE,
        codes=(
            Loinc("60985-9", "Central venous pressure (CVP)", "ISiK"),
            Loinc("8591-0", "Central venous pressure mean", "2015 table"),
        ),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=Bounds(-10, 50, OWN_CHOICE),
        quantity=Quantity.CENTRAL_VENOUS_PRESSURE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.PULMONARY_SYSTOLIC_PRESSURE,
        codes=(Loinc("8440-0", "Pulmonary artery Systolic blood pressure", "MIMIC map"),),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=Bounds(5, 150, OWN_CHOICE),
        quantity=Quantity.PULMONARY_SYSTOLIC_PRESSURE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.PULMONARY_DIASTOLIC_PRESSURE,
        codes=(Loinc("8385-7", "Pulmonary artery Diastolic blood pressure", "MIMIC map"),),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=Bounds(0, 90, OWN_CHOICE),
        quantity=Quantity.PULMONARY_DIASTOLIC_PRESSURE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.PULMONARY_MEAN_PRESSURE,
        codes=(Loinc("8414-5", "Pulmonary artery Mean blood pressure", "MIMIC map"),),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=Bounds(2, 110, OWN_CHOICE),
        quantity=Quantity.PULMONARY_MEAN_PRESSURE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.WEDGE_PRESSURE,
        codes=(Loinc("75994-4", "Pulmonary artery wedge pressure", "ISiK"),),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=Bounds(-2, 60, OWN_CHOICE),
        quantity=Quantity.WEDGE_PRESSURE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.CARDIAC_OUTPUT,
        codes=(
            Loinc("8741-1", "Left ventricular Cardiac output", "2015 table"),
            Loinc(
                "8737-9",
                "Left ventricular Cardiac output by Indicator dilution",
                "ISiK",
                Device.THERMODILUTION,
            ),
        ),
        unit="L/min",
        conversions=ucum.LITRE_PER_MINUTE,
        bounds=Bounds(0.3, 25, OWN_CHOICE),
        quantity=Quantity.CARDIAC_OUTPUT,
    ),
    MeasurementCode(
        kind=Kind.CARDIAC_INDEX,
        codes=(
            Loinc("8750-2", "Left ventricular Cardiac index by Fick", "2015 table"),
            Loinc(
                "8751-0",
                "Left ventricular Cardiac index by Indicator dilution",
                "2015 table",
                Device.THERMODILUTION,
            ),
        ),
        unit="L/min/m2",
        conversions=ucum.LITRE_PER_MINUTE_PER_M2,
        bounds=Bounds(0.2, 15, OWN_CHOICE),
    ),
    MeasurementCode(
        kind=Kind.SYSTEMIC_RESISTANCE,
        codes=(Loinc("8831-0", "Systemic vascular resistance", "public maps"),),
        unit="dyn.s/cm5",
        conversions=ucum.DYN_S_PER_CM5,
        bounds=Bounds(100, 6000, OWN_CHOICE),
    ),
    MeasurementCode(
        kind=Kind.STROKE_VOLUME,
        codes=(Loinc("20562-5", "Left ventricular Stroke volume", "ISiK"),),
        unit="mL",
        conversions=ucum.MILLILITRE,
        bounds=Bounds(3, 250, OWN_CHOICE),
        quantity=Quantity.STROKE_VOLUME,
    ),
    MeasurementCode(
        kind=Kind.EJECTION_FRACTION,
        codes=(
            Loinc("10230-1", "Left ventricular Ejection fraction", "Synthea"),
            Loinc(
                "8806-2",
                "Left ventricular Ejection fraction by 2D echo",
                "2015 table",
                Device.ECHO,
            ),
            Loinc(
                "18043-0", "Left ventricular Ejection fraction by US", "2015 table", Device.ECHO
            ),
        ),
        unit="%",
        conversions=ucum.PERCENT,
        bounds=Bounds(3, 95, OWN_CHOICE),
        quantity=Quantity.EJECTION_FRACTION,
        device=Device.ECHO,
        slow=True,
    ),
)
