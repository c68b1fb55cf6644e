"""The files that `archbench init-ci` writes, and the dependencies that CI installs."""
