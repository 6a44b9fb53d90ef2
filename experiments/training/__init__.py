"""Training jobs, their learning curves and what TensorBoard shows of them."""
