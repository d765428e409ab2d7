"""A small writer of ONNX graphs: constants, nodes and names, in order."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from envs.arrays import Float32
from train.policy.contract import INPUT_NAME, OUTPUT_NAME

OPSET = 17


class GraphWriter:
    """Adds nodes one by one; each call returns the name of the value that it yields."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[Any]) -> str:
        """Keep an array in the file."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operation: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Apply an ONNX operator."""
        name = output or f"{operation.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def columns(self, value: str, low: int, high: int) -> str:
        """The columns `[low, high)` of a matrix."""
        bounds = [self.constant(np.array([n], np.int64)) for n in (low, high, 1)]
        return self.node("Slice", value, *bounds)

    def reshape(self, value: str, *sizes: int) -> str:
        """The same numbers in another shape; one size may be -1, what is left."""
        return self.node("Reshape", value, self.constant(np.array(sizes, np.int64)))

    def linear(self, value: str, weight: Float32, bias: Float32) -> str:
        """`value @ weight.T + bias`."""
        return self.node("Gemm", value, self.constant(weight), self.constant(bias), transB=1)

    def model(self, width: int, output_shape: list[int | str]) -> onnx.ModelProto:
        """The checked model: `observation` ("batch", width) f32 -> `logits` of `output_shape`."""
        graph = helper.make_graph(
            self._nodes,
            "policy",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, ["batch", width])],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, output_shape)],
            initializer=self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="ploutos")
        model.ir_version = helper.find_min_ir_version_for(opsets)
        onnx.checker.check_model(model, full_check=True)
        return model
