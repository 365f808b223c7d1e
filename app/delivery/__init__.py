"""From the outbox to AgencyHandy: `worker` claims and settles, `agencyhandy` speaks, `policy` decides."""
