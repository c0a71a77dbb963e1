"""A checkpoint in, landuse-unet.onnx out: uint8 [N,H,W,3] RGB in, class and score uint8 [N,H,W] out, checked.

The graph is written node by node: every convolution has its padding and bias inside, its weights as plain initialisers
(so that it can be quantised), and the arg max is made of comparisons, because ArgMax would give int64. Softmax and arg
max are taken before the sub-pixel step, on four pixels a cell.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from data import read_pairs, read_places, resample
from evaluate import GSD_M, ROOT, halo, load_network, logits, softmax
from network import CLASSES, SKIPS, STRIDE, Block, LanduseUnet

OPSET = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "landuse-unet" / "landuse-unet.onnx")
    parser.add_argument(
        "--scores", type=Path, required=True, help="what evaluate.py wrote: the temperature is taken from it"
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="imagery to check on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint)
    temperature = json.loads(options.scores.read_text())["temperature"]
    model = build(network, temperature)
    onnx.checker.check_model(model, full_check=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, options.out)
    print(f"{options.out.name}: {options.out.stat().st_size:,} bytes, temperature {temperature}")
    check_against_torch(options.out, network, temperature, options.data)
    check_stitching(options.out, options.data)


def build(network: LanduseUnet, temperature: float) -> onnx.ModelProto:
    """The ONNX model of a network with folded batch norms; `temperature` divides the logits."""
    nodes, constants = [], []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], *outputs: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def conv(name: str, layer: torch.nn.Conv2d, x: str, before: bool = False, scale: float = 1.0) -> str:
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        first = last = (kernel - 1) // 2
        if stride == 2:
            first, last = (1, 0) if before else (0, 1)
        weight = constant(f"{name}.weight", layer.weight.detach().numpy() * np.float32(scale))
        bias = constant(f"{name}.bias", layer.bias.detach().numpy() * np.float32(scale))
        return node(
            "Conv",
            [x, weight, bias],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[first, first, last, last],
            group=layer.groups,
        )

    def relu6(x: str) -> str:
        return node("Clip", [x, "zero", "six"], f"{x}.relu6")

    def residual_block(name: str, block: Block, x: str) -> str:
        y = x if block.expand is None else relu6(conv(f"{name}.expand", block.expand, x))
        y = relu6(conv(f"{name}.depthwise", block.depthwise, y, block.pad_before))
        y = conv(f"{name}.project", block.project, y)
        return node("Add", [x, y], f"{name}.sum") if block.residual else y

    constant("zero", np.float32(0))
    constant("six", np.float32(6))
    constant("mean", np.float32(128))
    constant("inverse_deviation", np.float32(1 / 128))
    constant("twice", np.array([1, 1, 2, 2], np.float32))

    x = node("Transpose", ["image"], "image.planar", perm=[0, 3, 1, 2])
    x = node("Cast", [x], "image.float", to=TensorProto.FLOAT)
    x = node("Mul", [node("Sub", [x, "mean"], "image.centred"), "inverse_deviation"], "image.normalised")
    x = relu6(conv("stem", network.encoder.stem, x))
    features = []
    for number, block in enumerate(network.encoder.blocks, 1):
        x = residual_block(f"block{number}", block, x)
        if number in SKIPS:
            features.append(x)
    x = node("Relu", [conv("bridge", network.bridge[0], x)], "bridge.relu")
    for number, step in enumerate(network.steps, 1):
        up = node("Resize", [x, "", "twice"], f"up{number}", mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")  # fmt: skip
        x = node("Concat", [up, features.pop()], f"join{number}", axis=1)
        x = node("Relu", [conv(f"step{number}", step[0], x)], f"step{number}.relu")
    head = conv("head", network.head, x, scale=1 / temperature)
    class_and_score(node, constant, head)

    batch = ["batch", "height", "width"]
    graph = helper.make_graph(
        nodes,
        "landuse-unet",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [*batch, 3])],
        [helper.make_tensor_value_info(name, TensorProto.UINT8, batch) for name in ("class", "score")],
        constants,
    )
    model = helper.make_model(graph, producer_name="planimeter", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 9
    return model


def class_and_score(node, constant, head: str) -> None:
    """Class (ties to the lowest) and round(255 * softmax of it) from the head's logits, four pixels a cell."""
    names = [f"logit.{name}" for name in CLASSES]
    constant("four_each", np.full(len(CLASSES), 4, np.int64))
    constant("channel_axis", np.array([1], np.int64))
    constant("full_score", np.float32(255))
    node("Split", [head, "four_each"], *names, axis=1)
    best = node("Max", names, "best")
    exponentials = []
    for name in names:
        exponentials.append(node("Exp", [node("Sub", [name, best], f"{name}.below_best")], f"{name}.exp"))
    share = node("Div", ["full_score", node("Sum", exponentials, "exp.sum")], "score.float")
    number = constant("class.last", np.float32(len(CLASSES) - 1))
    for index in range(len(CLASSES) - 2, -1, -1):
        equal = node("Equal", [names[index], best], f"{names[index]}.is_best")
        number = node("Where", [equal, constant(f"class.{index}", np.float32(index)), number], f"class.from_{index}")
    for cells, name in ((number, "class"), (node("Round", [share], "score.rounded"), "score")):
        pixels = node("DepthToSpace", [cells], f"{name}.pixels", blocksize=2, mode="CRD")
        node("Squeeze", [node("Cast", [pixels], f"{name}.byte", to=TensorProto.UINT8), "channel_axis"], name)


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def reflect(image: np.ndarray, margin: int) -> np.ndarray:
    """The image with `margin` reflected pixels around it, and more to the right and bottom as the stride asks."""
    height, width = image.shape[:2]
    return np.pad(image, ((margin, margin + -height % STRIDE), (margin, margin + -width % STRIDE), (0, 0)), "reflect")


def check_against_torch(path: Path, network: LanduseUnet, temperature: float, folder: Path) -> None:
    """Compares classes and scores with PyTorch's on one image of every validation place, and a batch with its parts."""
    run = session(path, 1)
    pixels = other_class = other_score = 0
    for place in read_places(folder, "val"):
        _, image, label = read_pairs(folder, place["place"])[0]
        image, _ = resample(image, label, place["gsd_m"] / GSD_M)
        height, width = image.shape[:2]
        margin = halo()
        classes, scores = run.run(None, {"image": reflect(image, margin)[None]})
        inner = (0, slice(margin, margin + height), slice(margin, margin + width))
        p = softmax(logits(network, image), temperature)
        pixels += height * width
        other_class += int((classes[inner] != p.argmax(0)).sum())
        other_score += int((np.abs(scores[inner].astype(int) - np.round(255 * p.max(0)).astype(int)) > 1).sum())
    print(f"against PyTorch: {other_class} of {pixels:,} classes differ, {other_score} scores by more than 1/255")
    assert other_class < pixels * 1e-4
    pair = np.stack([reflect(image, margin)[:64, :96], reflect(image, margin)[64:128, :96]])
    both = run.run(None, {"image": pair})
    each = [run.run(None, {"image": one[None]}) for one in pair]
    assert all(np.array_equal(both[n], np.concatenate([one[n] for one in each])) for n in (0, 1))
    print("a batch of two equals its parts")


def check_stitching(path: Path, folder: Path) -> None:
    """Stitched chips against one whole pass, with one and two threads; prints the smallest halo that sufficed."""
    place = max(read_places(folder, "val"), key=lambda place: place["megapixels"] * place["gsd_m"] ** 2)
    image = join([image for _, image, _ in read_pairs(folder, place["place"])])
    whole = stitched = None
    for threads in (1, 2):
        run = session(path, threads)
        reference = whole_pass(run, image)
        assert whole is None or all(np.array_equal(a, b) for a, b in zip(whole, reference, strict=True))
        whole = reference
        for core in (256, 400, 512):
            stitched = stitch(run, image, core, halo())
            same = [np.array_equal(a, b) for a, b in zip(whole, stitched, strict=True)]
            print(f"stitched, core {core}, halo {halo()}, {threads} threads: class, score byte-equal: {same}")
            assert all(same)
    for margin in range(halo() - STRIDE, 0, -STRIDE):
        differing = [int((a != b).sum()) for a, b in zip(whole, stitch(run, image, 256, margin), strict=True)]
        print(f"halo {margin}: {differing[0]} classes, {differing[1]} scores differ of {whole[0].size:,}")
        if any(differing):
            break


def join(images: list[np.ndarray]) -> np.ndarray:
    """A scene of four images, cut to the smallest of them (or of the first, four times)."""
    four = (images * 4)[:4]
    height, width = (min(image.shape[side] for image in four) for side in (0, 1))
    four = [image[:height, :width] for image in four]
    return np.concatenate([np.concatenate(four[:2], 1), np.concatenate(four[2:], 1)])


def whole_pass(run: onnxruntime.InferenceSession, image: np.ndarray) -> list[np.ndarray]:
    """Class and score map of a scene in one run, padded by the halo."""
    height, width = image.shape[:2]
    margin = halo()
    maps = run.run(None, {"image": reflect(image, margin)[None]})
    return [a[0, margin : margin + height, margin : margin + width] for a in maps]


def stitch(run: onnxruntime.InferenceSession, image: np.ndarray, core: int, margin: int) -> list[np.ndarray]:
    """Class and score map of a scene from chips of `core` pixels with `margin` pixels around each."""
    height, width = image.shape[:2]
    padded = reflect(image, margin)
    maps = [np.zeros((height, width), np.uint8) for _ in range(2)]
    for y in range(0, height, core):
        for x in range(0, width, core):
            chip = padded[y : y + core + 2 * margin, x : x + core + 2 * margin]
            for target, part in zip(maps, run.run(None, {"image": chip[None]}), strict=True):
                rows, columns = target[y : y + core, x : x + core].shape
                target[y : y + core, x : x + core] = part[0, margin : margin + rows, margin : margin + columns]
    return maps


if __name__ == "__main__":
    main()
