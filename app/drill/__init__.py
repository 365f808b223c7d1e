"""The drill: a relay and a sandbox of its own, enquiries, real faults; then the books of both are compared."""
