"""How large things may be: far beyond any honest feed. Whatever is larger is refused with a
message, before it takes up memory or days."""

MIB = 1 << 20

# a CSV row, a line of JSON, or a Parquet row of nested values; every reader can hold one of them
LONGEST_ROW = 4 * MIB
LONGEST_HEADER = 1 * MIB
MOST_COLUMNS = 2_000
# text that a batch of rows takes in memory
BATCH_BYTES = 16 * MIB
# honest files shrink to a tenth, at best to a hundredth; a file is refused if it passes both
UNPACKED_BYTES = 1024 * MIB
UNPACKED_RATIO = 250
# the process that reads Parquet: its memory, and the seconds without a sign of it
PARQUET_MEMORY = 1024 * MIB
PARQUET_SECONDS = 120
# Parquet: rows of a file, bytes of a batch, and bytes of a row that don't count as unpacked, since
# many short rows pack well
MOST_ROWS = 1 << 30
WIDEST_BATCH = 64 * MIB
SHORT_ROW = 1 << 10
# the rejected rows of a feed in one run, as they were written; they are held in memory
REJECTED_BYTES = 256 * MIB
# a contract or feeds.yaml
LONGEST_DOCUMENT = 4 * MIB
DEEPEST_DOCUMENT = 40
LONGEST_NUMBER = 40
# the years of an agreement's first day and of as_of: calendars are laid out between them, and any
# other year is a typing error
YEARS = range(1900, 2200)
