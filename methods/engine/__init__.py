"""What the methods compute with: gradients, curvature, unlearning, metagradients. Needs torch: import it late."""
