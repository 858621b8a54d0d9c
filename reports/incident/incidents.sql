-- Incidents whose id begins as asked for, the riskiest first.
FROM incidents WHERE starts_with(incident, $begins) ORDER BY risk DESC, last DESC, incident LIMIT 5
