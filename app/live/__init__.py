"""What changes, as it happens: looked for once, and told to every page and program that follows."""
