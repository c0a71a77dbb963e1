"""Labelled imagery in, a checkpoint out: trains landuse-unet for a given wall-clock time.

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

from augment import augment
from data import kind_of, load_generated, load_training_place, random_crop, read_places
from evaluate import evaluate_pairs, place_pairs
from losses import segmentation_loss
from network import LanduseUnet, load_encoder

ROOT = Path(__file__).resolve().parents[2]
GSD_M = 1.0
SIDE = 256
BATCH = 8
RATE = 1.5e-3
ENCODER_RATE = 0.4  # of RATE
AVERAGE = 0.998
# Shares of the crops by what a place labels, and of generated towns once there are any.
SHARES = {"full": 0.66, "building-only": 0.28, "road-only": 0.06}
GENERATED_SHARE = 0.17


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument(
        "--generated", type=Path, help="folder of generated towns, seed-*/; looked at again as it grows"
    )
    parser.add_argument("--encoder", type=Path, default=ROOT.parent / "shared" / "weights")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt and log.jsonl")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--validate-every", type=float, default=10, metavar="MINUTES")
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    parser.add_argument("--fine-tune", type=Path, help="checkpoint whose weights to start from, with a new schedule")
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    train(options)


def train(options: argparse.Namespace) -> None:
    """Runs until the time is over; saves the checkpoint at every validation and at the end."""
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    network = LanduseUnet()
    state = {"step": 0, "seconds": 0.0, "crops": {}}
    if start := options.resume or options.fine_tune:
        checkpoint = torch.load(start, weights_only=True)
        network.load_state_dict(checkpoint["network" if options.resume else "average"])
    else:
        load_encoder(network, next(options.encoder.glob("mobilenetv2*.safetensors")))
    network = network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = make_optimiser(network, options.rate)
    if options.resume:
        state = checkpoint["state"]
        average.load_state_dict(checkpoint["average"])
        optimiser.load_state_dict(checkpoint["optimiser"])
        random = np.random.default_rng([options.seed, state["step"]])

    places = load_places(options.data)
    validation = read_places(options.data, "val")
    validation = [place for place in validation if kind_of(place) == "full"] or validation
    towns, towns_looked_at = {}, -math.inf
    began, before = time.monotonic(), state["seconds"]
    next_validation = state["seconds"] + 60 * options.validate_every
    losses = []
    network.train()
    while state["seconds"] < 60 * options.minutes:
        if options.generated and state["seconds"] - towns_looked_at > 120:
            towns |= load_generated(options.generated, "seed-", set(towns))
            towns_looked_at = state["seconds"]
        set_rate(optimiser, options.rate, state["seconds"] / (60 * options.minutes), state["step"])
        images, labels = sample_batch(random, places, towns, state["crops"])
        loss = segmentation_loss(network(images), labels)
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
            log(options.out, {**position(state), **validate(average, options.data, validation)})
    save(options.out, network, average, optimiser, state)
    log(options.out, {**position(state), **validate(average, options.data, validation), "crops": state["crops"]})


def load_places(folder: Path) -> dict[str, list]:
    """Training places by kind: (weight, name, ground size, sheets). The weight is the root of the labelled area."""
    by_kind = {}
    for place in read_places(folder, "train"):
        if kind_of(place) not in SHARES:
            raise SystemExit(f"{place['place']}: its kind must be one of {', '.join(SHARES)}, not {place['kind']}")
        gsd_m, sheets = load_training_place(folder, place)
        # What is there to learn: the area of buildings, roads and vegetation; desert and sea abound.
        told = sum(np.isin(label, (1, 2, 3)).sum() for _, label in sheets) * gsd_m**2
        by_kind.setdefault(kind_of(place), []).append((math.sqrt(told), place["place"], gsd_m, sheets))
    return by_kind


def sample_batch(
    random: np.random.Generator, places: dict, towns: dict, crops: dict
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of augmented crops: kind, then place, then image, then position; crops are counted by place."""
    images, labels = [], []
    kinds = list(places)
    shares = np.array([SHARES[kind] for kind in kinds])
    for _ in range(BATCH):
        if towns and random.random() < GENERATED_SHARE:
            name = sorted(towns)[random.integers(len(towns))]
            gsd_m, sheets = towns[name]
            name = "generated"
        else:
            group = places[kinds[random.choice(len(kinds), p=shares / shares.sum())]]
            weights = np.array([weight for weight, *_ in group])
            _, name, gsd_m, sheets = group[random.choice(len(group), p=weights / weights.sum())]
        target_gsd_m = GSD_M * float(np.clip(np.exp(random.normal(0, 0.3)), 0.5, 2))
        image, label = augment(random, *random_crop(random, sheets, gsd_m, target_gsd_m, SIDE))
        images.append(image)
        labels.append(label)
        crops[name] = crops.get(name, 0) + 1
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    return batch.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.stack(labels))


def make_optimiser(network: LanduseUnet, rate: float) -> torch.optim.AdamW:
    """AdamW; a lower rate for the pre-trained encoder, no weight decay on biases and norms."""
    groups = {}
    for name, parameter in network.named_parameters():
        scale = ENCODER_RATE if name.startswith("encoder") else 1.0
        decay = 0.01 if parameter.ndim > 1 else 0.0
        groups.setdefault((scale, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": p, "weight_decay": decay, "scale": scale} for (scale, decay), p in groups.items()], lr=rate
    )


def set_rate(optimiser: torch.optim.AdamW, rate: float, share: float, step: int) -> None:
    """Warm-up over 150 steps, then a cosine over the share of the time that has passed."""
    rate *= min(1.0, (step + 1) / 150) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, share)))
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]


def update_average(average: LanduseUnet, network: LanduseUnet, step: int) -> None:
    """Exponential moving average of weights and batch-norm statistics, following faster at first."""
    keep = min(AVERAGE, (step + 1) / (step + 10))
    with torch.no_grad():
        for ours, theirs in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - keep)


def validate(average: LanduseUnet, folder: Path, places: list[dict]) -> dict:
    """IoU per class over the fully labelled validation places (all, where none is), their confusions summed."""
    if not places:
        return {}
    average.eval()
    scores = evaluate_pairs(average, place_pairs(folder, places))
    return {"miou": round(scores["miou"], 4), "iou": {name: round(iou, 4) for name, iou in scores["iou"].items()}}


def position(state: dict) -> dict:
    return {"step": state["step"], "minutes": round(state["seconds"] / 60, 2)}


def log(folder: Path, entry: dict) -> None:
    """Appends a line to log.jsonl and prints it."""
    line = json.dumps(entry)
    print(line, flush=True)
    with (folder / "log.jsonl").open("a") as file:
        file.write(line + "\n")


def save(folder: Path, network: LanduseUnet, average: LanduseUnet, optimiser: torch.optim.AdamW, state: dict) -> None:
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
