"""The only package that touches the network: clients for providers, and where they may connect."""
