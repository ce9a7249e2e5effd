"""``python -m cds_hooks.cli`` is ``cardiotwin``, for children of the same interpreter."""

from cds_hooks.cli.main import main

main()
