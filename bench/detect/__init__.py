"""How well sessions taken over by an attacker are told from honest ones, on recorded runs of real agents."""
