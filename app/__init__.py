"""Lead Relay: takes enquiries from forms and webhooks and delivers each one to AgencyHandy, once.

Read it in the order the data flows: `intake` → `reader` (`sources`, `mapping`) → `outbox` → `delivery`. People and
programs look and steer by `desk`, `api` and `cli`; `alerts` tell what is wrong. `main` puts it together.
"""
