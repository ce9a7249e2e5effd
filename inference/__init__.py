"""What a trajectory, a trace or an image shows: arrays in, findings out."""
