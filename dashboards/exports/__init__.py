"""Data that leaves the warehouse as files: exact, and the same bytes for the same data.

Belongs here: frames as CSV, Excel and Parquet (`files`), and the one writer of workbooks (`excel`).
Does not belong here: what a report says, and which rows a page offers for download.
"""
