"""The desk: the operator's pages. `entry` lets people in, `desk` renders, the others are a page or two each."""
