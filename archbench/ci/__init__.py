"""What `archbench init-ci` writes into a repository, and what that installs in CI."""
