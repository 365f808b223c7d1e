"""The store: queue and ledger in one, and the only package with SQL. `tables` → `outbox`."""
