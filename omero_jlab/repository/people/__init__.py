"""Users, groups, passwords, tokens and capabilities."""
