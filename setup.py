"""What pyproject.toml cannot say: the packages are found, each folder under the one name
`makegood`.

`ingestion/` is `makegood.ingestion`. Everything else about the project is in pyproject.toml.
"""

from setuptools import find_packages, setup

ROOMS = ("dashboards", "dbt_project", "expectations", "ingestion", "orchestration")

setup(
    packages=[
        f"makegood.{package}"
        for package in find_packages(include=[*ROOMS, *(f"{room}.*" for room in ROOMS)])
    ],
    package_dir={f"makegood.{room}": room for room in ROOMS},
)
