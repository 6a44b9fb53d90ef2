"""Where the scalars of a training go beside TensorBoard: Weights & Biases, MLflow.

`python -m experiments.train logger=[mlflow]`. Where they write to is said by their own environment variables, which are the
user's, and not by a config, which may be somebody else's.
"""
