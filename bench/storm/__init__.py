"""A storm of posts of every kind, good and bad, and what came of each."""
