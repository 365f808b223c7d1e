"""HTTP in: `forms` for browsers, `hooks` for servers. Both go `guard` → reader → outbox → `replies`."""
