"""The sample patients: invented courses, their generator, and the loader that ages them."""
