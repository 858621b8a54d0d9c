"""The parts of a fingerprint: cutting documents into pieces, choosing pieces, hashing them under a key."""
