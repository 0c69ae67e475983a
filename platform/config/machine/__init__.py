"""Everything on one machine: the state folder, ports, databases and children of `armstrong up`."""
