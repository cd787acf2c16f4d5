"""One file per page; `navigation` lists them with the roles that may open each."""
