"""The nets as torch modules, for training and export only; they import nothing of ours."""
