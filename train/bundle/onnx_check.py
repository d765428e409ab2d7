"""What an ONNX file must look like before any runtime may open it."""

from collections.abc import Iterator
from typing import Any

from cluster.errors import BundleError
from train.bundle.manifest import Manifest
from train.policy.contract import INPUT_NAME, OUTPUT_NAME

MAX_BYTES = 50 << 20
# Arithmetic of a feed-forward policy. Left out on purpose: control flow (no bound on the work),
# and operators that make a large tensor from a small file (Expand, Tile, ConstantOfShape, Range).
_OPERATORS = """
Add Cast Clip Concat Constant Div Elu Exp Flatten Gather Gelu Gemm Identity LayerNormalization
LeakyRelu Log LogSoftmax MatMul Max Min Mul Neg Pow ReduceMean Relu Reshape Selu Shape Sigmoid
Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze
"""
ALLOWED_OPERATORS = frozenset(_OPERATORS.split())


def check_onnx(data: bytes, manifest: Manifest) -> None:
    """Refuse a model that is not one self-contained feed-forward policy of the right shape.

    Raises:
        BundleError: not ONNX, external data, an operator that is not allowed, or another shape.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load_model_from_string(data)
        graph = model.graph
        _check_self_contained(model)
        _check_operators(model)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise _refusal(f"it is not valid ONNX ({str(error).splitlines()[0]})") from error
    initial = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initial]
    _check_end("input", inputs, INPUT_NAME, [manifest.observation_size])
    _check_end("output", list(graph.output), OUTPUT_NAME, [manifest.num_assets, 3])


def _check_self_contained(model: Any) -> None:
    import onnx

    tensors = [*model.graph.initializer]
    for node in model.graph.node:
        tensors.extend(attribute.t for attribute in node.attribute if attribute.HasField("t"))
    for tensor in tensors:
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise _refusal(f"tensor {tensor.name!r} points to data outside the file")
    if model.functions or model.training_info or model.graph.sparse_initializer:
        raise _refusal("it holds functions, training information or sparse tensors")


def _check_operators(model: Any) -> None:
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in ALLOWED_OPERATORS:
            raise _refusal(f"operator {node.domain or 'ai.onnx'}.{node.op_type} is not allowed")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise _refusal(f"operator {node.op_type} holds a graph of its own")


def _check_end(kind: str, values: list[Any], name: str, sizes: list[int]) -> None:
    import onnx

    names = [value.name for value in values]
    if names != [name]:
        raise _refusal(f"its {kind}s are {names}, not [{name!r}]")
    tensor = values[0].type.tensor_type
    batch, *rest = list(_dimensions(tensor)) or [None]
    if tensor.elem_type != onnx.TensorProto.FLOAT or batch is not None or rest != sizes:
        shape = ", ".join(str(size or "any") for size in (batch, *rest))
        wanted = ", ".join(str(size) for size in ("any", *sizes))
        raise _refusal(f"its {kind} is not float32 of shape ({wanted}) but ({shape})")


def _dimensions(tensor: Any) -> Iterator[int | None]:
    for dimension in tensor.shape.dim:
        yield dimension.dim_value if dimension.HasField("dim_value") else None


def _refusal(why: str) -> BundleError:
    return BundleError("policy.onnx is refused", why, "export the policy again as a bundle")
