"""What is true of reports, without the database."""
