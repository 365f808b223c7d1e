"""Lead Relay: takes enquiries from forms and webhooks and delivers each one to AgencyHandy, once.

Read it in the order the data flows: `intake` → `reader` (`sources`, `mapping`) → `outbox` → `delivery`.
"""
