"""Which packages there are; all else is in pyproject.toml. The config groups of conf/ go into the package."""

from setuptools import find_namespace_packages, setup

PACKAGES = find_namespace_packages(include=["oral_cancer*", "hydra_plugins*"])
GROUPS = [f"oral_cancer.conf.{group}" for group in find_namespace_packages("conf")]

setup(packages=[*PACKAGES, "oral_cancer.conf", *GROUPS], package_dir={"oral_cancer.conf": "conf"})
