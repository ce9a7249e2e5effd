"""``cardiotwin serve``: the service, configured as deploy/configuration.md describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cds_hooks.settings import Settings


SEARCHED_EVERY = 50_000
"""Objects made between two searches for cycles: some megabytes at most are let go later."""


def register(application: typer.Typer) -> None:
    """Add ``cardiotwin serve``."""

    @application.command("serve")
    def serve(
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    ) -> None:
        """Serve CDS Hooks until interrupted.

        One process: twins and models are held in its memory. For more, run several behind a
        balancer.
        """
        run(configured(host, port), host, port)


def configured(host: str, port: int) -> Settings:
    """Read the settings; without a public URL the address listened on is it.

    Raises
    ------
    typer.Exit
        With status 2 where a setting is wrong; the sentence on standard error says which.
    """
    from pydantic import ValidationError

    from cds_hooks.settings import Settings

    try:
        settings = Settings()
        if "public_base_url" in settings.model_fields_set:
            return settings
        shown = f"[{host}]" if ":" in host else host
        return Settings(public_base_url=f"http://{shown}:{port}")
    except ValidationError as error:
        for each in error.errors():
            name = "_".join(str(part) for part in each["loc"]).upper()
            where = f"CARDIOTWIN_{name}" if name else "Settings"
            typer.echo(f"{where}: {each['msg']}", err=True)
        typer.echo("Every setting is described in deploy/configuration.md.", err=True)
        raise typer.Exit(2) from None


def run(settings: Settings, host: str, port: int) -> None:
    """Run one worker on uvloop and httptools."""
    import gc

    import uvicorn

    from cds_hooks.app import create_app

    application = create_app(settings)
    # What is loaded now stays; the collector need not look at it again, which halves its pauses.
    gc.collect()
    gc.freeze()
    # A call makes some thousand objects and hardly a cycle: looked for at every 700 of them, the
    # cycles cost a call of 24 ms 0.6 ms.
    gc.set_threshold(SEARCHED_EVERY)
    uvicorn.run(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
