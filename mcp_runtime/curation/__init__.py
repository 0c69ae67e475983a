"""What an endpoint's author makes of what upstreams offer, the same for every kind of upstream."""
