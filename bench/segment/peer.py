"""GeoDeep's side of bench/segment.ts.

peer.py network SHIPPED.onnx OUT.onnx SIDE OVERLAP_PERCENT   the shipped network in the form that GeoDeep takes
peer.py run SCENE NETWORK OUT.geojson                        GeoTIFF to features, as its command does
peer.py seams SCENE TILED.onnx WHOLE.onnx                    share of pixels that tiles change
"""

import json
import sys

import numpy as np


def make_network(shipped, out, side, overlap):
    """Floats 0..1 of planes in, probabilities of classes out; weights and layers stay."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(shipped)
    graph = model.graph
    logits = [n for node in graph.node if node.op_type == "Split" for n in node.output if n.startswith("logit.")]
    pixels = next(node for node in graph.node if node.op_type == "DepthToSpace").attribute
    nodes = [node for node in graph.node if node.output[0] not in ("image.planar", "image.float")]
    graph.initializer.append(numpy_helper.from_array(np.float32(255), "peer.255"))
    tail = []
    for name in logits:
        tail.append(helper.make_node("DepthToSpace", [name], [f"{name}.pixels"], **{a.name: helper.get_attribute_value(a) for a in pixels}))
    tail.append(helper.make_node("Concat", [f"{name}.pixels" for name in logits], ["peer.logits"], axis=1))
    tail.append(helper.make_node("Softmax", ["peer.logits"], ["probabilities"], axis=1))
    head = [helper.make_node("Mul", ["images", "peer.255"], ["image.float"])]
    made = helper.make_graph(
        head + needed(nodes + tail, "probabilities"),
        "landuse",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(logits), side, side])],
        graph.initializer,
    )
    result = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    names = {str(i): name.removeprefix("logit.") for i, name in enumerate(logits)}
    said = {"model_type": "Segmentor", "class_names": names, "resolution": 100, "tiles_overlap": overlap, "tiles_size": side}
    said |= {"seg_thresh": 0, "seg_small_segment": 0}
    for key, value in said.items():
        result.metadata_props.add(key=key, value=json.dumps(value))
    onnx.save(result, out)


def needed(nodes, output):
    """The nodes that the output depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def run(scene, network, out):
    from geodeep import segment

    with open(out, "w") as file:
        file.write(segment(scene, network, output_type="geojson"))


def seams(scene, tiled, whole):
    from geodeep import geodeep

    geodeep.median_filter = lambda mask, size: mask  # it would hide some of them
    a, b = (geodeep.segment(scene, network, output_type="raw") for network in (tiled, whole))
    print(json.dumps({"pixels": int(a.size), "differing": int((a != b).sum())}))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "network":
        make_network(rest[0], rest[1], int(rest[2]), float(rest[3]))
    else:
        {"run": run, "seams": seams}[what](*rest)
