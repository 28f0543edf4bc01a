"""What the contract of formats is made of."""
