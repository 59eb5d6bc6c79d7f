"""The `streamset` command. It stands above all other packages, and each of its parts imports only what it runs."""
