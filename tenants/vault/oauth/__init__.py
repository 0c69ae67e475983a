"""OAuth 2.1 as a client of upstreams' authorization servers. Without Django: the console and workers share it."""
