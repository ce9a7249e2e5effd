"""``cardiotwin prepare``: what the first start would otherwise do while somebody waits."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import typer

from cds_hooks.cli.report import console

SETTLED_S = 10.0
BEAT_S = 1.0


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin prepare``."""

    @application.command("prepare")
    def prepare() -> None:
        """Compile the twin's kernels and check the releases, once after an installation.

        The kernels are compiled for this processor and kept where numba keeps them (beside the
        sources, or in NUMBA_CACHE_DIR); without this command the first start of the service does
        it and takes that much longer.
        """
        from cds_hooks.app import create_app
        from cds_hooks.settings import Settings

        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, console.status("compiling kernels"):
            create_app(
                Settings(
                    public_base_url="http://127.0.0.1",
                    trust="open",
                    data_directory=Path(folder) / "data",
                )
            )
            _draw_a_beat()
            _print_a_page()
        console.print(f"ready to start ({time.perf_counter() - start:.0f} s)")


def _draw_a_beat() -> None:
    """Compile what only a picture of one beat needs, and the service's start does not wait for."""
    from twin.core.parameters import standard_adult
    from twin.core.pulsatile import settled, waveforms

    adult = standard_adult()[:, None]
    waveforms(adult, settled(adult, SETTLED_S), BEAT_S)


def _print_a_page() -> None:
    """Compile the pen of the ECG printer, with which recordings are shown to the nets as pages."""
    import numpy as np

    from inference.core.ecg import STANDARD_RATE_HZ, STANDARD_SAMPLES, Ecg
    from inference.core.ecg_layout import THREE_BY_FOUR_RHYTHM
    from inference.core.ecg_printer import PageStyle, print_canonical

    flat = np.zeros((12, STANDARD_SAMPLES), dtype=np.float32)
    print_canonical(Ecg(flat, STANDARD_RATE_HZ), THREE_BY_FOUR_RHYTHM, PageStyle())
