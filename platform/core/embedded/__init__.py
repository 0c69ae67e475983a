"""PostgreSQL and Valkey that come with the installation: for a first run, and for the tests."""
