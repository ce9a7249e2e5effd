"""Pure model of the circulation: arrays in, values out. No clock, files, network or unseeded randomness."""
