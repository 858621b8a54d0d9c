"""Records as the gateways write them."""
