"""Reports on a schedule: when they are due, that each is made once, and where they go."""
