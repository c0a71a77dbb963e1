"""Labelled imagery in, a checkpoint out: trains one of the networks of recipes.py for a given wall-clock time.

The learning rate follows a cosine over the time, so the run ends when it should on any machine; `--resume` goes on from
a checkpoint (its time counted in). The checkpoint holds the moving average of the weights, which is what is exported.
"""

import argparse
import copy
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from augment import augment
from data import KINDS, kind_of, load_generated, load_training_place, pack, random_crop, read_places
from evaluate import evaluate_pairs, in_torch, load_network, place_pairs, validation_places
from graph import read_weights
from instances import building_codes, town_numbers
from losses import building_loss, distillation_loss, segmentation_loss
from network import load_encoder, take_weights, unfold_batch_norms
from recipes import LANDUSE_UNET, RECIPES, Recipe

ROOT = Path(__file__).resolve().parents[2]
SIDE = 256
BATCH = 8
RATE = 1.5e-3
ENCODER_RATE = 0.4  # of RATE
AVERAGE = 0.998
TEACHER_WEIGHT = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet", help="what to train")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument(
        "--generated", type=Path, help="folder of generated towns, seed-*/; looked at again as it grows"
    )
    parser.add_argument("--encoder", type=Path, default=ROOT.parent / "shared" / "weights")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt and log.jsonl")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, help="end after as many steps, instead of by the clock; to compare runs")
    parser.add_argument("--validate-every", type=float, default=10, metavar="MINUTES")
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    parser.add_argument(
        "--fine-tune",
        type=Path,
        help="network (.onnx, as export.py writes it) or checkpoint whose weights to start from, with a new schedule; "
        "what does not fit is left out",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        nargs="+",
        default=[],
        help="checkpoints of landuse-unet, or networks (.onnx), whose mean answers are learnt from as well where no "
        "label contradicts them; with what a fine-tuning starts from among them, it forgets less",
    )
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument(
        "--countryside",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the crops, that fields, ponds, greenhouses and roads are laid over: against fields taken for roofs",
    )
    parser.add_argument(
        "--frozen",
        type=int,
        default=0,
        metavar="BLOCKS",
        help="encoder blocks that stay as they are, from the first on, and the stem before them: with 3 a step of a "
        "fine-tuning takes a third less",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--no-bfloat16", action="store_true", help="all in float32, also on a processor with bfloat16 arithmetic"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    train(options)


def train(options: argparse.Namespace) -> None:
    """Runs until the time is over; saves the checkpoint at every validation and at the end."""
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    recipe = RECIPES[options.network]
    network = recipe.architecture(recipe.logits)
    state = {"step": 0, "seconds": 0.0, "crops": {}}
    places = load_places(options.data, recipe)
    if options.fine_tune:
        state["fine_tuned_from"] = str(options.fine_tune.resolve())
    if options.fine_tune and options.fine_tune.suffix == ".onnx":
        take_weights(network, read_weights(options.fine_tune, network))
        seen = [sample_batch(random, recipe, places, {}, {})[0] for _ in range(4)]
        unfold_batch_norms(network, torch.cat(seen))
    elif start := options.resume or options.fine_tune:
        checkpoint = torch.load(start, weights_only=True)
        take_weights(network, checkpoint["network" if options.resume else "average"])
    else:
        load_encoder(network, next(options.encoder.glob("mobilenetv2*.safetensors")))
    if options.frozen:
        for module in (network.encoder.stem, *network.encoder.blocks[: options.frozen]):
            module.requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = make_optimiser(network, options.rate)
    if options.resume:
        state = checkpoint["state"]
        average.load_state_dict(checkpoint["average"])
        optimiser.load_state_dict(checkpoint["optimiser"])
        random = np.random.default_rng([options.seed, state["step"]])

    _, validation = validation_places(options.data, recipe)
    teachers = [load_network(path, LANDUSE_UNET) for path in options.teacher]
    loss_of = building_loss if recipe.planes else segmentation_loss
    bfloat16 = not options.no_bfloat16 and has_bfloat16()
    towns, towns_looked_at = {}, -math.inf
    began, before = time.monotonic(), state["seconds"]
    next_validation = state["seconds"] + 60 * options.validate_every
    losses = []
    network.train()
    while (done := share_done(options, state)) < 1:
        if options.generated and state["seconds"] - towns_looked_at > 120:
            towns |= load_towns(options.generated, recipe, set(towns))
            towns_looked_at = state["seconds"]
        set_rate(optimiser, options.rate, done, state["step"])
        images, labels = sample_batch(random, recipe, places, towns, state["crops"], options.countryside)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            answers = network(images)
            with torch.no_grad():
                wanted = [teacher(images) for teacher in teachers]
        answers = answers.float()
        loss = loss_of(answers, labels)
        if wanted:
            mean = torch.stack([each.float().softmax(1) for each in wanted]).mean(0)
            loss = loss + TEACHER_WEIGHT * distillation_loss(answers, mean, labels)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        update_average(average, network, state["step"])
        state["step"] += 1
        state["seconds"] = before + time.monotonic() - began
        losses.append(loss.item())
        if state["step"] % 50 == 0:
            log(options.out, {**position(state), "loss": round(float(np.mean(losses[-50:])), 4), "towns": len(towns)})
        if state["seconds"] > next_validation:
            next_validation = state["seconds"] + 60 * options.validate_every
            save(options.out, network, average, optimiser, state)
            log(options.out, {**position(state), **validate(average, recipe, options.data, validation)})
    save(options.out, network, average, optimiser, state)
    log(
        options.out, {**position(state), **validate(average, recipe, options.data, validation), "crops": state["crops"]}
    )


def share_done(options: argparse.Namespace, state: dict) -> float:
    """How much of the run is over, 1 at its end: by steps where they are given, else by the clock."""
    return state["step"] / options.steps if options.steps else state["seconds"] / (60 * options.minutes)


def has_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, which make a step a third shorter; without them it is
    emulated and slower. Weights, their average and the loss stay in float32."""
    capable = torch.cpu.get_capabilities()
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16"))


def load_places(folder: Path, recipe: Recipe) -> dict[str, list]:
    """Training places by kind: (weight, name, ground size, sheets). The weight is the root of the labelled area."""
    by_kind = {}
    for place in read_places(folder, "train"):
        if kind_of(place) not in KINDS:
            raise SystemExit(f"{place['place']}: its kind must be one of {', '.join(KINDS)}, not {place['kind']}")
        if kind_of(place) not in recipe.shares:
            continue
        gsd_m, pairs = load_training_place(folder, place, recipe.gsd_m)
        # What is there to learn: the area of buildings, roads and vegetation; desert and sea abound. A pixel coarser
        # than the network's tells no more than one of its own size.
        wanted = (1,) if recipe.planes else (1, 2, 3)
        told = sum(np.isin(label, wanted).sum() for _, label in pairs) * min(gsd_m, recipe.gsd_m) ** 2
        if recipe.planes:
            pairs = [(image, building_codes(label, gsd_m)) for image, label in pairs]
        sheets = pack(pairs, math.ceil(1.125 * SIDE * recipe.gsd_m / gsd_m))
        by_kind.setdefault(kind_of(place), []).append((math.sqrt(told), place["place"], gsd_m, sheets))
    return by_kind


def load_towns(folder: Path, recipe: Recipe, known: set[str]) -> dict[str, tuple[float, list]]:
    """Generated towns that are not yet known, with the labels of the recipe."""
    towns = load_generated(folder, "seed-", known)
    if not recipe.planes:
        return towns
    return {
        name: (gsd_m, [(image, building_codes(label, gsd_m, town_numbers(folder / name))) for image, label in pairs])
        for name, (gsd_m, pairs) in towns.items()
    }


def sample_batch(
    random: np.random.Generator, recipe: Recipe, places: dict, towns: dict, crops: dict, rural: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of augmented crops: kind, then place, then image, then position; crops are counted by place."""
    images, labels = [], []
    kinds = list(places)
    shares = np.array([recipe.shares[kind] for kind in kinds])
    for _ in range(BATCH):
        if towns and random.random() < recipe.generated_share:
            name = sorted(towns)[random.integers(len(towns))]
            gsd_m, sheets = towns[name]
            name = "generated"
        else:
            group = places[kinds[random.choice(len(kinds), p=shares / shares.sum())]]
            weights = np.array([weight for weight, *_ in group])
            _, name, gsd_m, sheets = group[random.choice(len(group), p=weights / weights.sum())]
        target_gsd_m = recipe.gsd_m * float(np.clip(np.exp(random.normal(0, recipe.scale_deviation)), 0.5, 2))
        target_gsd_m = max(target_gsd_m, gsd_m / 2)  # nothing is made up beyond twice its size
        crop = random_crop(random, sheets, gsd_m, target_gsd_m, SIDE)
        image, label = augment(random, *crop, buildings=bool(recipe.planes), rural=rural)
        images.append(image)
        labels.append(label)
        crops[name] = crops.get(name, 0) + 1
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    return batch.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.stack(labels))


def make_optimiser(network: nn.Module, rate: float) -> torch.optim.AdamW:
    """AdamW; a lower rate for the pre-trained encoder, no weight decay on biases and norms."""
    groups = {}
    for name, parameter in network.named_parameters():
        scale = ENCODER_RATE if name.startswith(("encoder", "blocks")) else 1.0
        decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.setdefault((scale, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": p, "weight_decay": decay, "scale": scale} for (scale, decay), p in groups.items()], lr=rate
    )


def set_rate(optimiser: torch.optim.AdamW, rate: float, share: float, step: int) -> None:
    """Warm-up over 150 steps, then a cosine over the share of the run that is done."""
    rate *= min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, share)))
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]


def update_average(average: nn.Module, network: nn.Module, step: int) -> None:
    """Exponential moving average of weights and batch-norm statistics, following faster at first."""
    keep = min(AVERAGE, (step + 1) / (step + 10))
    with torch.no_grad():
        for ours, theirs in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - keep)


def validate(average: nn.Module, recipe: Recipe, folder: Path, places: list[dict]) -> dict:
    """IoU per class over the validation places that the headline score is of, their confusions summed."""
    if not places:
        return {}
    average.eval()
    scores = evaluate_pairs(in_torch(average, recipe, 1.0), recipe, place_pairs(folder, recipe, places))
    return {"miou": round(scores["miou"], 4), "iou": {name: round(iou, 4) for name, iou in scores["iou"].items()}}


def position(state: dict) -> dict:
    return {"step": state["step"], "minutes": round(state["seconds"] / 60, 2)}


def log(folder: Path, entry: dict) -> None:
    """Appends a line to log.jsonl and prints it."""
    line = json.dumps(entry)
    print(line, flush=True)
    with (folder / "log.jsonl").open("a") as file:
        file.write(line + "\n")


def save(folder: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.AdamW, state: dict) -> None:
    """Writes the checkpoint beside the old one, then takes its place."""
    checkpoint = {
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": state,
    }
    torch.save(checkpoint, folder / "checkpoint.pt.new")
    (folder / "checkpoint.pt.new").replace(folder / "checkpoint.pt")


if __name__ == "__main__":
    main()
