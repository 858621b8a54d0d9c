"""Events in the formats of other tools. Pure: batches of the events table in, records out."""
