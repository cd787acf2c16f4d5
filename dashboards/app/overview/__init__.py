"""The sections of the page `overview`, a module each; the page puts them together."""
