"""Pure preparation and reading of arrays: numpy only, no runtime, no files, no clock."""
