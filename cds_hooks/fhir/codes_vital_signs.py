"""Rows of the table of measurement codes: vital signs, ventilation, body, coma scale, urine."""

from __future__ import annotations

from typing import Final

from cds_hooks.fhir import ucum
from cds_hooks.fhir.coded_answers import BREATHING, CONSCIOUSNESS, DEVICES, Breathing
from cds_hooks.fhir.kinds import Kind
from cds_hooks.fhir.measurement_code import (
    OWN_CHOICE,
    Bounds,
    Loinc,
    MeasurementCode,
    Snomed,
    as_trajectory,
)
from twin.core.haemodynamics import Quantity
from twin.core.measurements import Condition, Device

VITAL_SIGNS: Final = (
    MeasurementCode(
        kind=Kind.HEART_RATE,
        codes=(
            Loinc("8867-4", "Heart rate", "US Core"),
            Loinc("76282-3", "Heart rate.beat-to-beat by EKG", "public maps"),
            Loinc("8889-8", "Heart rate by Pulse oximetry", "unverified"),
        ),
        unit="/min",
        conversions=ucum.PER_MINUTE,
        bounds=as_trajectory("HR"),
        parameter="HR",
        quantity=Quantity.HEART_RATE,
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.RESPIRATORY_RATE,
        codes=(Loinc("9279-1", "Respiratory rate", "US Core"),),
        unit="/min",
        conversions=ucum.PER_MINUTE,
        bounds=as_trajectory("RespRate"),
        parameter="RespRate",
        device=Device.MONITOR,
    ),
    MeasurementCode(
        kind=Kind.SYSTOLIC_PRESSURE,
        codes=(
            Loinc("8480-6", "Systolic blood pressure", "US Core"),
            Loinc("76534-7", "Systolic blood pressure by Noninvasive", "MIMIC map", Device.CUFF),
            Loinc(
                "76215-3", "Invasive Systolic blood pressure", "public maps", Device.ARTERIAL_LINE
            ),
        ),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=as_trajectory("NISysABP"),
        parameter="NISysABP",
        invasive_parameter="SysABP",
        quantity=Quantity.SYSTOLIC_PRESSURE,
    ),
    MeasurementCode(
        kind=Kind.DIASTOLIC_PRESSURE,
        codes=(
            Loinc("8462-4", "Diastolic blood pressure", "US Core"),
            Loinc("76535-4", "Diastolic blood pressure by Noninvasive", "MIMIC map", Device.CUFF),
            Loinc(
                "76213-8", "Invasive Diastolic blood pressure", "public maps", Device.ARTERIAL_LINE
            ),
        ),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=as_trajectory("NIDiasABP"),
        parameter="NIDiasABP",
        invasive_parameter="DiasABP",
        quantity=Quantity.DIASTOLIC_PRESSURE,
    ),
    MeasurementCode(
        kind=Kind.MEAN_PRESSURE,
        codes=(
            Loinc("8478-0", "Mean blood pressure", "MIMIC map"),
            Loinc("76536-2", "Mean blood pressure by Noninvasive", "MIMIC map", Device.CUFF),
            Loinc("76214-6", "Invasive Mean blood pressure", "public maps", Device.ARTERIAL_LINE),
        ),
        unit="mm[Hg]",
        conversions=ucum.MMHG,
        bounds=as_trajectory("NIMAP"),
        parameter="NIMAP",
        invasive_parameter="MAP",
        quantity=Quantity.MEAN_PRESSURE,
    ),
    MeasurementCode(
        kind=Kind.OXYGEN_SATURATION,
        codes=(
            Loinc(
                "59408-5",
                "Oxygen saturation in Arterial blood by Pulse oximetry",
                "US Core",
                Device.OXIMETER,
            ),
            Loinc("2708-6", "Oxygen saturation in Arterial blood", "US Core"),
        ),
        unit="%",
        conversions=ucum.PERCENT,
        bounds=as_trajectory("SaO2"),
        parameter="SaO2",
        quantity=Quantity.OXYGEN_SATURATION,
    ),
    MeasurementCode(
        kind=Kind.INSPIRED_OXYGEN_FRACTION,
        codes=(
            Loinc("3150-0", "Inhaled oxygen concentration", "US Core"),
            Loinc(
                "19994-3",
                "Oxygen/Inspired gas setting [Volume Fraction] Ventilator",
                "Synthea",
                ventilated=True,
            ),
        ),
        unit="1",
        conversions=ucum.FRACTION,
        bounds=as_trajectory("FiO2"),
        parameter="FiO2",
        quantity=Condition.INSPIRED_OXYGEN_FRACTION,
    ),
    MeasurementCode(
        kind=Kind.OXYGEN_FLOW,
        codes=(Loinc("3151-8", "Inhaled oxygen flow rate", "US Core"),),
        unit="L/min",
        conversions=ucum.LITRE_PER_MINUTE,
        bounds=Bounds(0, 80, "high-flow nasal cannulas deliver up to 60 L/min"),
    ),
    MeasurementCode(
        kind=Kind.OXYGEN_DEVICE,
        codes=(Loinc("107117-4", "Method of oxygen delivery", "public maps"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(0, len(DEVICES) - 1, "coded_answers"),
        unitless=True,
        answers=DEVICES,
    ),
    MeasurementCode(
        kind=Kind.AIR_OR_OXYGEN,
        codes=(),
        snomed=(
            Snomed("371825009", "Patient on oxygen", "public maps", Breathing.OXYGEN),
            Snomed("722742002", "Breathing room air", "public maps", Breathing.AIR),
        ),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(0, 1, "coded_answers"),
        unitless=True,
        answers=BREATHING,
    ),
    MeasurementCode(
        kind=Kind.END_EXPIRATORY_PRESSURE,
        codes=(
            Loinc(
                "76248-4",
                "PEEP Respiratory system --on ventilator",
                "public maps",
                ventilated=True,
            ),
            Loinc(
                "20077-4",
                "Positive end expiratory pressure setting Ventilator",
                "public maps",
                ventilated=True,
            ),
        ),
        unit="cm[H2O]",
        conversions=ucum.CMH2O,
        bounds=Bounds(0, 40, OWN_CHOICE),
    ),
    MeasurementCode(
        kind=Kind.MECHANICAL_VENTILATION,
        # No code of its own: it follows from any value that only a ventilator has.
        codes=(),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(0, 1, "present or not"),
        parameter="MechVent",
        unitless=True,
    ),
    MeasurementCode(
        kind=Kind.TEMPERATURE,
        codes=(
            Loinc("8310-5", "Body temperature", "US Core"),
            Loinc("8331-1", "Oral temperature", "Synthea"),
            Loinc("8329-5", "Body temperature - Core", "ISiK"),
            Loinc("60834-9", "Blood temperature", "MIMIC map"),
            Loinc("8332-9", "Rectal temperature", "unverified"),
            Loinc("8333-7", "Tympanic membrane temperature", "unverified"),
            Loinc("8334-5", "Body temperature - Urinary bladder", "unverified"),
        ),
        unit="Cel",
        conversions=ucum.CELSIUS,
        bounds=as_trajectory("Temp"),
        parameter="Temp",
        quantity=Condition.TEMPERATURE,
    ),
    MeasurementCode(
        kind=Kind.BODY_WEIGHT,
        codes=(
            Loinc("29463-7", "Body weight", "US Core"),
            Loinc("3141-9", "Body weight Measured", "unverified"),
        ),
        unit="kg",
        conversions=ucum.KILOGRAM,
        bounds=Bounds(20, 350, "inference.core.trajectory, Weight"),
        slow=True,
    ),
    MeasurementCode(
        kind=Kind.BODY_HEIGHT,
        codes=(
            Loinc("8302-2", "Body height", "US Core"),
            Loinc("8306-3", "Body height --lying", "US Core"),
        ),
        unit="cm",
        conversions=ucum.CENTIMETRE,
        bounds=Bounds(100, 230, "inference.core.trajectory, Height"),
        slow=True,
    ),
    MeasurementCode(
        kind=Kind.CONSCIOUSNESS,
        # 80288-4 is also seen for other questions: an answer that is none of ACVPU is not used.
        codes=(
            Loinc("67775-7", "Level of responsiveness", "public maps"),
            Loinc("80288-4", "Level of consciousness", "public maps"),
            Loinc("11454-6", "Responsiveness assessment at First encounter", "2015 table"),
        ),
        snomed=(Snomed("1104441000000107", "ACVPU scale score", "public maps"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(0, len(CONSCIOUSNESS) - 1, "coded_answers"),
        unitless=True,
        answers=CONSCIOUSNESS,
    ),
    MeasurementCode(
        kind=Kind.COMA_SCALE,
        codes=(Loinc("9269-2", "Glasgow coma score total", "public maps"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=as_trajectory("GCS"),
        parameter="GCS",
        unitless=True,
    ),
    MeasurementCode(
        kind=Kind.COMA_EYES,
        codes=(Loinc("9267-6", "Glasgow coma score eye opening", "2015 table"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(1, 4, "Teasdale and Jennett 1974, Lancet 304:81"),
        unitless=True,
    ),
    MeasurementCode(
        kind=Kind.COMA_VERBAL,
        codes=(Loinc("9270-0", "Glasgow coma score verbal", "public maps"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(1, 5, "Teasdale and Jennett 1974, Lancet 304:81"),
        unitless=True,
    ),
    MeasurementCode(
        kind=Kind.COMA_MOTOR,
        codes=(Loinc("9268-4", "Glasgow coma score motor", "public maps"),),
        unit="1",
        conversions=ucum.SCORE,
        bounds=Bounds(1, 6, "Teasdale and Jennett 1974, Lancet 304:81"),
        unitless=True,
    ),
    MeasurementCode(
        kind=Kind.URINE_OUTPUT,
        codes=(Loinc("9187-6", "Urine output", "MIMIC map"),),
        unit="mL",
        conversions=ucum.MILLILITRE,
        bounds=as_trajectory("Urine"),
        parameter="Urine",
    ),
)
