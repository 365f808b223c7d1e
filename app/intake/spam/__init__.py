"""Whether what a form was sent is spam: `judge` gathers the facts of a `case`, `layers` weigh them."""
