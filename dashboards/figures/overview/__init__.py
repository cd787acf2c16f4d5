"""The first screen of the pages: what leadership reads in ten seconds.

`commitments`, `money`, `worse` and `next_steps` work its four blocks out of rows of the marts. They
query nothing and show nothing, so that tests compare them with the marts. `screen` reads the rows.
"""
