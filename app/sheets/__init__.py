"""CSV files: read row by row, their rows taken in as leads, leads written."""
