"""Judges the twin's forecasts on charts of real patients: what was expected, before looking."""
