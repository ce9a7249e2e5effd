"""The twin against published figures: targets as data, the runner, the grades, the tuning."""
