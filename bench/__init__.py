"""What Lead Relay costs, measured. Each module is a command: `python -m bench.NAME`."""
