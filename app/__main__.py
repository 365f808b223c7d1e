"""`python -m app` is `lead-relay`."""

from app.cli import main

main()
