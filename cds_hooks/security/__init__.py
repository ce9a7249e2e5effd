"""By what right: tokens, keys, scopes and the gate to other servers. Rules here are pure."""
