"""``cardiotwin smart-keys``: the public keys by which EHRs know the SMART app; their rotation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin smart-keys``."""

    @application.command("smart-keys")
    def smart_keys(
        rotate: Annotated[
            bool, typer.Option("--rotate", help="Add new keys; they sign two hours later.")
        ] = False,
        data_directory: Annotated[
            Path,
            typer.Option(envvar="CARDIOTWIN_DATA_DIRECTORY", help="Where the service keeps them."),
        ] = Path(".runs"),
    ) -> None:
        """Print the key set that is registered at EHRs, for those that want it as a file.

        The keys are made where there are none.
        """
        from cds_hooks.cli.report import print_json
        from cds_hooks.clock import SystemClock
        from cds_hooks.security.smart_keys import key_file
        from cds_hooks.security.smart_keys import rotate as rotated

        now = SystemClock().now()
        try:
            data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            keys = rotated(data_directory, now) if rotate else key_file(data_directory, now)()
        except (OSError, ValueError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        print_json(keys.public())
