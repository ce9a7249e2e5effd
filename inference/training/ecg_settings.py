"""Settings of an ECG training run: values only, so that they are read where torch is not.

Rule of the file: what a configuration may say of the loop and the losses, with the values that
hold where it says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from inference.training.ecg_batches import Mixture

KINDS: Final = ("signal", "vizecgnet", "image", "page")


@dataclass(frozen=True, slots=True)
class DistillationWeights:
    """Weights within L_KD; all 0 is training without distillation."""

    findings: float = 1.0
    tokens: float = 2.0
    back: float = 0.1


@dataclass(frozen=True, slots=True)
class TeacherSettings:
    """A VizECGNet run that teaches a page net, and what its word weighs beside the labels.

    ``run`` names its folder beside the run's own; empty where nobody teaches. ``withheld``
    findings are taught by labels alone. ``also`` names, for the card, what taught the teacher and
    not this run.
    """

    run: str = ""
    findings: float = 1.0
    places: float = 1.0
    tokens: float = 1.0
    withheld: tuple[str, ...] = ()
    also: str = ""


@dataclass(frozen=True, slots=True)
class EcgLoopSettings:
    """The budget: ``steps``, else ``core_minutes`` of processor time, else ``minutes``.

    ``whole`` is the share of batches in which the signal stream reads all twelve leads.
    ``kept`` views, where given, are drawn once and shared by the runs of a folder.
    ``begin`` names the run of a signal stream to begin with, ``{seed}`` in it the seed. ``every``
    steps it is saved and judged on the validation part. ``injury`` is the share of
    recorded draws on whose beats an injury current, or what looks like one, is played.
    """

    kind: str = "vizecgnet"
    net: dict[str, Any] = field(default_factory=dict)
    minutes: float = 30.0
    core_minutes: float | None = None
    steps: int | None = None
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warm_up_steps: int = 40
    average: float = 0.995
    threads: int = 1
    seed: int = 0
    whole: float = 0.35
    begin: str = ""
    kept: int = 0
    every: int = 100
    amp: bool = True
    injury: float = 0.0
    mixture: Mixture = field(default_factory=Mixture)
    distillation: DistillationWeights = field(default_factory=DistillationWeights)
    teacher: TeacherSettings = field(default_factory=TeacherSettings)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")

    @property
    def begins_with(self) -> str:
        """Return the name of the run that this one begins with; empty where it begins anew."""
        return self.begin.format(seed=self.seed)
