"""An exported policy is the policy: the same actions, alone, after VecNormalize, on a grid, with a memory."""

import onnx_needed  # noqa
