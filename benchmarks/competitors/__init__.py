"""Other ways to answer what Makegood answers, from the same delivered files, to measure it with.

They take feeds as clean (no row is rejected, delivered twice, corrected or waiting) and keep no
evidence: whatever that costs, they save. Each writes one Parquet file of the columns that `compare`
expects; none is timed before these equal the marts.
"""
