"""Whether what an upstream says of itself may be passed on: scanned, approved by a person, pinned by its digest."""
