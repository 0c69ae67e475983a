"""The audit log of a tenant: what is written down beside changes of rows, and how it is read, exported and verified."""
