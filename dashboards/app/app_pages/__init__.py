"""A file a page; `navigation` lists them, with who may open each."""
