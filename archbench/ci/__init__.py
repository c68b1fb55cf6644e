"""What `archbench init-ci` writes into a repository: files as they are, and how they are put in."""
