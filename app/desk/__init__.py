"""The desk: the operator's pages. `entry` lets people in, `shown` renders, the others are a page or two each."""
