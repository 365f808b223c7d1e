"""`/api/v1`, for programs: what the desk and the command line do, by the same few functions."""
