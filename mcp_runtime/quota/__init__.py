"""How many connections and requests a tenant may have, exactly, over all workers."""
