"""The nets as torch modules: for training and export only. They import torch and timm, nothing of ours."""
