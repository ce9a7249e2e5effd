"""The command ``cardiotwin``: one file a command; heavy imports stay inside the functions."""
