"""The time gate: head beside base, in pairs of fresh processes."""
