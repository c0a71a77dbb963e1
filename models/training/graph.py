"""A network with folded batch norms in, its ONNX model out; and such a model's weights, to train on from them.

The graph is written node by node: every convolution has its padding and bias inside, its weights as plain initialisers
(so that it can be quantised), and the arg max is made of comparisons, because ArgMax would give int64. Probabilities
and arg max are taken before the sub-pixel step, on all pixels of a cell at once.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from network import SKIPS, Block, Encoder, Fcn, Unet
from recipes import Recipe

OPSET = 20
#: Output with the encoder's last layer, at the network's stride; it costs nothing unless it is asked for.
FEATURES = "features"


def build(network: nn.Module, recipe: Recipe, temperature: float) -> onnx.ModelProto:
    """The ONNX model; `temperature` divides the logits."""
    graph = Graph()
    write = {Unet: write_unet, Fcn: write_fcn}[type(network)]
    head, block_size = write(graph, network, temperature)
    cells = block_size**2
    if recipe.planes:
        planes_class_and_score(graph, head, recipe, block_size)
    else:
        class_and_score(graph, graph.split(head, cells, recipe.classes), block_size)
    batch = ["batch", "height", "width"]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, batch) for name in ("class", "score")]
    if recipe.planes:
        shape = ["batch", len(recipe.planes), "height", "width"]
        outputs.append(helper.make_tensor_value_info("planes", TensorProto.UINT8, shape))
    shape = ["batch", network.encoder.blocks[-1].project.out_channels, "rows", "columns"]
    outputs.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, shape))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [*batch, 3])
    made = helper.make_graph(graph.nodes, recipe.name, [image], outputs, list(graph.constants.values()))
    model = helper.make_model(made, producer_name="planimeter", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 9
    return model


class Graph:
    """Nodes and initialisers as they are written."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, kind: str, inputs: list[str], *outputs: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def conv(self, name: str, layer: nn.Conv2d, x: str, before: bool = False, scale: float = 1.0) -> str:
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        first = last = (kernel - 1) // 2
        if stride == 2:
            first, last = (1, 0) if before else (0, 1)
        weight = self.constant(f"{name}.weight", layer.weight.detach().numpy() * np.float32(scale))
        bias = self.constant(f"{name}.bias", layer.bias.detach().numpy() * np.float32(scale))
        return self.node(
            "Conv",
            [x, weight, bias],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[first, first, last, last],
            group=layer.groups,
        )

    def relu(self, x: str) -> str:
        return self.node("Relu", [x], f"{x}.relu")

    def relu6(self, x: str) -> str:
        zero, six = self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))
        return self.node("Clip", [x, zero, six], f"{x}.relu6")

    def block(self, name: str, block: Block, x: str) -> str:
        y = x if block.expand is None else self.relu6(self.conv(f"{name}.expand", block.expand, x))
        y = self.relu6(self.conv(f"{name}.depthwise", block.depthwise, y, block.pad_before))
        y = self.conv(f"{name}.project", block.project, y)
        return self.node("Add", [x, y], f"{name}.sum") if block.residual else y

    def twice(self, x: str, name: str) -> str:
        twice = self.constant("twice", np.array([1, 1, 2, 2], np.float32))
        return self.node("Resize", [x, "", twice], name, mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")  # fmt: skip

    def split(self, x: str, cells: int, names: tuple[str, ...]) -> list[str]:
        sizes = self.constant("cells_each", np.full(len(names), cells, np.int64))
        outputs = [f"logit.{name}" for name in names]
        self.node("Split", [x, sizes], *outputs, axis=1)
        return outputs

    def normalised_image(self) -> str:
        x = self.node("Transpose", ["image"], "image.planar", perm=[0, 3, 1, 2])
        x = self.node("Cast", [x], "image.float", to=TensorProto.FLOAT)
        x = self.node("Sub", [x, self.constant("mean", np.float32(128))], "image.centred")
        return self.node("Mul", [x, self.constant("inverse_deviation", np.float32(1 / 128))], "image.normalised")


def write_encoder(graph: Graph, encoder: Encoder) -> list[str]:
    """Features at strides 2, 4, 8 and 16; the last are an output as well."""
    x = graph.relu6(graph.conv("stem", encoder.stem, graph.normalised_image()))
    features = []
    for number, block in enumerate(encoder.blocks, 1):
        x = graph.block(f"block{number}", block, x)
        if number in SKIPS:
            features.append(x)
    graph.node("Identity", [x], FEATURES)
    return [*features, x]


def write_unet(graph: Graph, network: Unet, temperature: float) -> tuple[str, int]:
    """Logits divided by the temperature, and the side of the pixel cell that each position of them holds."""
    features = write_encoder(graph, network.encoder)
    x = graph.relu(graph.conv("bridge", network.bridge[0], features.pop()))
    for number, step in enumerate(network.steps, 1):
        x = graph.node("Concat", [graph.twice(x, f"up{number}"), features.pop()], f"join{number}", axis=1)
        x = graph.relu(graph.conv(f"step{number}", step[0], x))
    return graph.conv("head", network.head, x, scale=1 / temperature), 2


def write_fcn(graph: Graph, network: Fcn, temperature: float) -> tuple[str, int]:
    """As write_unet."""
    _, *features = write_encoder(graph, network.encoder)
    x = graph.conv("lateral16", network.lateral[0][0], features.pop())
    for stride, lateral in zip((8, 4), network.lateral[1:], strict=True):
        beside = graph.conv(f"lateral{stride}", lateral[0], features.pop())
        x = graph.relu(graph.node("Add", [graph.twice(x, f"up{stride}"), beside], f"sum{stride}"))
    x = graph.relu(graph.conv("mix", network.mix[0], x))
    return graph.conv("head", network.head, x, scale=1 / temperature), 4


def read_weights(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """Weights and biases of the convolutions of a model that `build` has written, named as in the network's state.

    The temperature that `scores.json` beside it states is taken out again: the logits are those that were trained.
    """
    stored = {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    if "stem.weight" not in stored:
        raise SystemExit(f"{path}: not a network of this folder's making; train on from what export.py has written")
    modules = {"stem": "encoder.stem", "bridge": "bridge.0", "mix": "mix.0", "head": "head"}
    modules |= {f"step{number}": f"steps.{number - 1}.0" for number in (1, 2, 3)}
    modules |= {f"lateral{stride}": f"lateral.{number}.0" for number, stride in enumerate((16, 8, 4))}
    for number in range(1, len(network.encoder.blocks) + 1):
        for part in ("expand", "depthwise", "project"):
            modules[f"block{number}.{part}"] = f"encoder.blocks.{number - 1}.{part}"
    weights = {
        f"{module}.{leaf}": torch.from_numpy(stored[f"{name}.{leaf}"].copy())
        for name, module in modules.items()
        for leaf in ("weight", "bias")
        if f"{name}.{leaf}" in stored
    }
    scores = path.parent / "scores.json"
    temperature = json.loads(scores.read_text())["temperature"] if scores.exists() else 1.0
    return weights | {f"head.{leaf}": weights[f"head.{leaf}"] * temperature for leaf in ("weight", "bias")}


def class_and_score(graph: Graph, logits: list[str], block_size: int) -> None:
    """Class (ties to the lowest) and round(255 * softmax of it) from one tensor of logits a class.

    The service finds the logits by the names `logit.*` and `best` (models/runtime/class-probabilities.ts).
    """
    node, constant = graph.node, graph.constant
    best = node("Max", logits, "best")
    exponentials = []
    for name in logits:
        exponentials.append(node("Exp", [node("Sub", [name, best], f"{name}.below_best")], f"{name}.exp"))
    full = constant("full_score", np.float32(255))
    share = node("Div", [full, node("Sum", exponentials, "exp.sum")], "score.float")
    number = constant("class.last", np.float32(len(logits) - 1))
    for index in range(len(logits) - 2, -1, -1):
        equal = node("Equal", [logits[index], best], f"{logits[index]}.is_best")
        number = node("Where", [equal, constant(f"class.{index}", np.float32(index)), number], f"class.from_{index}")
    to_pixels(graph, number, "class", block_size)
    to_pixels(graph, node("Round", [share], "score.rounded"), "score", block_size)


def planes_class_and_score(graph: Graph, head: str, recipe: Recipe, block_size: int) -> None:
    """Each plane's sigmoid times 255; class 1 where the object's is at least one half, and the probability of that."""
    node, constant = graph.node, graph.constant
    full = constant("full_score", np.float32(255))
    p = node("Mul", [node("Sigmoid", [head], "planes.probability"), full], "planes.float")
    pixels = node(
        "DepthToSpace", [node("Round", [p], "planes.rounded")], "planes.pixels", blocksize=block_size, mode="CRD"
    )
    planes = node("Cast", [pixels], "planes", to=TensorProto.UINT8)
    first, last = constant("first", np.array([0], np.int64)), constant("second", np.array([1], np.int64))
    channel = constant("channel_axis", np.array([1], np.int64))
    one = node("Slice", [pixels, first, last, channel], "object.score")
    is_object = node("GreaterOrEqual", [one, constant("half", np.float32(128))], "object.is")
    opposite = node("Sub", [full, one], "object.not")
    score = node("Where", [is_object, one, opposite], "score.pixels")
    node("Squeeze", [node("Cast", [is_object], "class.byte", to=TensorProto.UINT8), channel], "class")
    node("Squeeze", [node("Cast", [score], "score.byte", to=TensorProto.UINT8), channel], "score")
    assert planes == "planes" and recipe.planes[0]["class"] == 1


def to_pixels(graph: Graph, cells: str, name: str, block_size: int) -> None:
    """Float cells [N,block^2,h,w] to the uint8 output `name` [N,H,W]."""
    pixels = graph.node("DepthToSpace", [cells], f"{name}.pixels", blocksize=block_size, mode="CRD")
    byte = graph.node("Cast", [pixels], f"{name}.byte", to=TensorProto.UINT8)
    graph.node("Squeeze", [byte, graph.constant("channel_axis", np.array([1], np.int64))], name)
