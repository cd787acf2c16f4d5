"""How large a thing may be. Far beyond any honest feed; what is larger is refused with a message,
before it takes memory or days."""

MIB = 1 << 20

# a CSV row or a line of JSON; all readers hold one of them at least
LONGEST_ROW = 4 * MIB
LONGEST_HEADER = 1 * MIB
MOST_COLUMNS = 2_000
# text that a batch of rows takes in memory
BATCH_BYTES = 16 * MIB
# an honest file packs to a tenth, one in a hundred at best: both must be passed
UNPACKED_BYTES = 1024 * MIB
UNPACKED_RATIO = 250
# Parquet: rows of a file and its footer; what its largest pages may take in memory together, and
# the values of a batch; values of a nested column in a row group; a dictionary that is small
# whatever its values are; rows that don't count as unpacked
MOST_ROWS = 1 << 30
LONGEST_FOOTER = 8 * MIB
LARGEST_PAGES = 256 * MIB
WIDEST_BATCH = 64 * MIB
MOST_NESTED_VALUES = 1 << 24
SHORT_DICTIONARY = 1 << 10
SHORT_ROW = 1 << 10
# raw rows of a feed that a run keeps because they were rejected; they are held in memory
REJECTED_BYTES = 256 * MIB
# a contract or feeds.yaml
LONGEST_DOCUMENT = 4 * MIB
DEEPEST_DOCUMENT = 40
LONGEST_NUMBER = 40
# of an agreement's first day and of as_of: calendars are laid out between them, and another year is
# typed wrong
YEARS = range(1900, 2200)
