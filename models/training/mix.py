"""Two networks of one recipe in, the weighted mean of their weights out (Wortsman et al. 2022), as an .onnx file.

What is trained further gains in new places and loses in old ones; the mean of it with what it started from keeps most
of both. evaluate.py, export.py and train.py's --fine-tune take the file for a checkpoint.
"""

import argparse
from pathlib import Path

import onnx

from evaluate import load_network
from graph import build
from recipes import RECIPES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", type=Path, help="checkpoint or .onnx file of what was trained further")
    parser.add_argument("trained", type=Path, help="checkpoint or .onnx file of what came of it")
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet")
    parser.add_argument("--share", type=float, default=0.5, help="of the trained weights, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file; no scores.json beside it")
    options = parser.parse_args()
    recipe = RECIPES[options.network]
    network, trained = (load_network(path, recipe) for path in (options.start, options.trained))
    ours, theirs = network.state_dict(), trained.state_dict()
    network.load_state_dict({name: ours[name].lerp(theirs[name], options.share) for name in ours})
    onnx.save(build(network, recipe, 1.0), options.out)


if __name__ == "__main__":
    main()
