"""The page of one session: what was attempted, denied, and reached, in order."""
