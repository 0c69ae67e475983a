"""The board (Andon): every endpoint and upstream of a tenant, live, with the cord that stops an endpoint."""
