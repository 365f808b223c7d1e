"""What an operator sets: the environment, and relay.toml with its forms and hooks."""
