"""The twin against published figures: targets as data, the runner that grades it, and its tuning."""
