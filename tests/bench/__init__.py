"""Speed, measured against floors of the same run: `make bench`. See __main__.py."""
