"""The cardiovascular twin: how does this patient's circulation behave? mmHg, mL, s."""
