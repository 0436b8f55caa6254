"""Check of plugins for their authors: the claims of the contract, a short pairing, and the cost of a step."""
