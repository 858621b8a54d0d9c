"""The report of one session: the ladder, who and with what, lanes, the story with its citations, and every event."""
