"""What the methods compute with: gradients and unlearning trajectories. Imports torch, so families import it late."""
