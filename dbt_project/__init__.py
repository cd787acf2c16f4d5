"""The dbt project, as data of the package `makegood`. No Python belongs here."""
