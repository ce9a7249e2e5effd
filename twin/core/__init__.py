"""Pure model of the circulation: arrays in, values out. No clock, no files, no network."""
