"""Scores and a folder with the ONNX files in, manifest.json and CARD.md out.

All figures and names come from scores.json, from the data's manifest, from sources.json and from experiments.json.
"""

import argparse
import json
from pathlib import Path

from data import kind_of, read_places
from evaluate import ROOT
from manifest import manifest, parameters, sources_of
from network import BLOCKS, FCN_WIDTH, STRIDE, WIDTHS, Unet, halo, receptive_field
from recipes import RECIPES, Recipe

HERE = Path(__file__).parent
DRAWN = ("buildings", "roads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet")
    parser.add_argument(
        "--scores", type=Path, help="what evaluate.py wrote; scores.json in the network's folder if left out"
    )
    parser.add_argument("--out", type=Path, help="folder with the .onnx file; models/NETWORK unless said otherwise")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--hardware", help="what the training ran on, for the card")
    parser.add_argument("--seen", type=Path, help="Markdown list of what was seen by eye on this network's maps")
    parser.add_argument("--drawn", type=Path, help="what `planimeter evaluate --model ID --places DIR --json` wrote")
    parser.add_argument("--previous", type=Path, help="scores.json of the version before, to stand beside this one")
    options = parser.parse_args()
    recipe = RECIPES[options.network]
    folder = options.out or ROOT / "models" / recipe.name
    scores = json.loads((options.scores or folder / "scores.json").read_text())
    if options.hardware:
        scores["training"]["hardware"] = options.hardware
    if options.seen:
        scores["seen"] = options.seen.read_text().strip()
    if options.drawn:
        drawn = json.loads(options.drawn.read_text())["places"]
        scores["drawn"] = {place: {kind: each[kind] for kind in DRAWN} for place, each in drawn.items()}
    if options.previous:
        previous = json.loads(options.previous.read_text())
        scores["previous"] = {kind: previous[kind] for kind in ("full", "places")}
    (folder / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
    made = manifest(recipe, folder, scores)
    if "before" in scores:
        fell = scores["before"]["full"]["miou"] - scores["full"]["miou"]
        if fell >= 0:
            print(f"It is not better than {scores['before']['id']} on these images: mIoU fell by {fell:.3f}.")
    (folder / "manifest.json").write_text(json.dumps(made, indent=2) + "\n")
    (folder / "CARD.md").write_text(card(recipe, scores, made, options.data))


def card(recipe: Recipe, scores: dict, made: dict, data: Path) -> str:
    """The Markdown card: what it is, what it scores where, what it learnt from, what it cannot do."""
    sections = [
        f"# {recipe.name}\n\n{recipe.description}",
        "## Scores\n\n" + score_section(recipe, scores),
        "## Training\n\n" + training_section(recipe, scores, data),
        "## Network\n\n" + network_section(recipe, scores, made),
        "## Limits\n\n" + limits_section(recipe, scores, data),
        "## Data\n\n" + data_section(scores, data),
    ]
    if "previous" in scores:
        sections.insert(2, "## Against the version before\n\n" + previous_section(recipe, scores))
    if "before" in scores:
        sections.insert(2, "## Before and after\n\n" + before_section(recipe, scores))
    elif tables := appendix(recipe):
        sections.append("## Appendix: what was tried\n\n" + tables)
    return "\n\n".join(sections) + "\n"


def score_section(recipe: Recipe, scores: dict) -> str:
    full = scores["full"]
    rows = [score_row(recipe, f"**{' + '.join(full['places'])}**", full)]
    rows += [score_row(recipe, name, score) for name, score in scores["places"].items()]
    if scene := scores.get("scene"):
        rows.append(score_row(recipe, f"{scene['name']}, the whole scene in one pass", scene))
    towns = [score_row(recipe, name, score) for name, score in scores["generated"].items()]
    heading = table_head(["place", "mIoU", *recipe.classes, "calibration error"])
    text = f"""IoU at {recipe.gsd_m:g} m by place, none of them trained on; other ground sizes are resampled to it before, labels by nearest
neighbour. Where a place labels one class alone, or all but roads, only those pixels count. mIoU is the mean over the
classes that occur. The first row is all its places' pixels together; it is the score in the manifest.

{heading}
{chr(10).join(rows)}

Calibration error: expected, 20 bins, where all classes are labelled. One temperature, {scores["temperature"]:g}, was fitted on
{", ".join(scores["temperature_places"])} and is folded into the graph. Boundary IoU (Cheng et al. 2021, 2 % of the diagonal) on the same places: {listing(full["boundary_iou"])}.

What is there (rows) and what was answered (columns), in % of the row, on {" + ".join(full["places"])}:

{confusion_table(recipe, full["confusion"])}"""
    if rows := precision_rows(recipe, scores["places"]):
        text += f"""

Precision / recall by place:

{table_head(["place", *recipe.classes])}
{chr(10).join(rows)}"""
    if drawn := scores.get("drawn"):
        text += f"""

What is drawn from the map, as jobs draw it: buildings found one for one at an intersection over union of 0.5 and 0.75, how
many too many or too few, and routes along the roads (APLS, 4 m).

{table_head(["place", "buildings", "drawn", "F1 at 0.5", "F1 at 0.75", "too many", "roads, APLS"])}
{chr(10).join(drawn_row(place, each) for place, each in drawn.items() if any(each.values()))}"""
    text += f"""

The same figures again: `python evaluate.py ../{recipe.name}/{recipe.name}.onnx --network {recipe.name} --data DIR --out scores.json`
in models/training; as the program runs it, and as it draws: `npx planimeter evaluate --model {recipe.name} --places DIR`."""
    if touching := scores.get("touching"):
        lines = [
            f"| {name} | {each['precision']:.2f} | {each['recall']:.2f} | {each['f1']:.2f} | {each['pixels']:,} |"
            for name, each in touching.items()
        ]
        text += f"""

The plane of touching borders at one half, where the labels tell (val-\\*: generated towns):

{table_head(["place", "precision", "recall", "F1", "pixels there"])}
{chr(10).join(lines)}"""
    if towns:
        text += f"""

Generated towns (`synthetic/town`, seeds not trained on), kept apart because they say nothing about real imagery:

{heading}
{chr(10).join(towns)}"""
    if int8 := scores.get("int8"):
        text += f"""

In eight bits ({int8["convolutions"]} of {int8["convolutions"]} convolutions, signed weights a channel, unsigned activations, calibrated on
{int8["chips"]} training chips): mIoU {int8["full"]["miou"]:.3f} against {int8["fp32"]["miou"]:.3f}, class by class {listing(int8["full"]["iou"])};
{int8["other_class"]:.2%} of the pixels have another class."""
    return text


def precision_rows(recipe: Recipe, places: dict) -> list[str]:
    """Lines of a table, of the places where precision and recall were counted."""
    rows = []
    for name, score in places.items():
        if "precision" not in score:
            continue
        cells = [
            f"{score['precision'][each]:.2f} / {score['recall'][each]:.2f}" if each in score["recall"] else ""
            for each in recipe.classes
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def drawn_row(place: str, drawn: dict) -> str:
    cells = ["", "", "", "", ""]
    if found := drawn["buildings"]:
        shares = [f"{found[name]:.3f}" for name in ("f1_50", "f1_75")]
        cells = [f"{found['truth']:,}", f"{found['predicted']:,}", *shares, f"{found['count_error']:+.0%}"]
    roads = f"{drawn['roads']['apls']:.3f}" if drawn["roads"] else ""
    return f"| {place} | {' | '.join(cells)} | {roads} |"


def previous_section(recipe: Recipe, scores: dict) -> str:
    """The scores of the version before and of this one, place by place."""
    before = scores["previous"]
    rows = [score_row(recipe, "together, before", before["full"]), score_row(recipe, "**together**", scores["full"])]
    for name, score in scores["places"].items():
        if name in before["places"]:
            rows += [score_row(recipe, f"{name}, before", before["places"][name]), score_row(recipe, name, score)]
    return f"{table_head(['place', 'mIoU', *recipe.classes, 'calibration error'])}\n{chr(10).join(rows)}"


def before_section(recipe: Recipe, scores: dict) -> str:
    """What a fine-tuning went on from, what that learnt from, and what each of the two scores on the same images."""
    before, after = scores["before"], scores["full"]
    rows = [
        score_row(recipe, f"{before['id']}, before", before["full"]),
        score_row(recipe, "**after**", after),
    ]
    for name, score in scores["places"].items():
        rows += [
            score_row(recipe, f"{name}, before", before["places"][name]),
            score_row(recipe, f"{name}, after", score),
        ]
    gain = after["miou"] - before["full"]["miou"]
    verdict = (
        f"mIoU rose by {gain:.3f}."
        if gain > 0
        else f"**It did not get better: mIoU fell by {-gain:.3f}. Keep {before['id']}.**"
    )
    worse = [name for name, iou in after["iou"].items() if iou < before["full"]["iou"].get(name, 0)]
    if gain > 0 and worse:
        verdict += f" Worse than before: {', '.join(worse)}."
    data = "\n".join(
        f"| {', '.join(each['places'])} | {each['repository']} | {each['licence']} |"
        for each in sources_of(before["learnt_from"])
    )
    return f"""This network went on from {before["id"]} (SHA-256 {before["sha256"]}). {verdict}

{table_head(["on the same images", "mIoU", *recipe.classes, "calibration error"])}
{chr(10).join(rows)}

{before["id"]} learnt from, and its licences hold for this one too:

{table_head(["places", "repository", "licence and attribution"])}
{data}"""


def training_section(recipe: Recipe, scores: dict, data: Path) -> str:
    training = scores["training"]
    crops = sum(training["crops"].values())
    shares = ", ".join(f"{name} {number / crops:.1%}" for name, number in sorted(training["crops"].items()))
    by_split = {split: [place["place"] for place in read_places(data, split)] for split in ("train", "val")}
    trained = [name for name in by_split["train"] if name in training["crops"]]
    start = f" Started from {training['start']}." if "start" in training else ""
    teacher = (
        f" {training['teacher']} taught besides, on labelled and unlabelled ground." if "teacher" in training else ""
    )
    pseudo = f" {training['pseudo']}" if "pseudo" in training else ""
    return f"""{training["steps"]:,} steps of 8 crops of 256 x 256 pixels, {training["minutes"]:.0f} minutes on {training.get("hardware", "one CPU core")}.{start}{teacher}
Cross-entropy plus Dice only where something is labelled: 'not a building', 'not a road' and 'not vegetation' pixels teach just that.{pseudo}
AdamW, cosine over the time, moving average of the weights. Crops at {recipe.gsd_m / 2:g}-{recipe.gsd_m * 2:g} m, turned, mirrored, with changed colour,
contrast, haze, shadow, blur, noise, JPEG and missing parts. Share of the crops by place: {shares}.

Trained on: {", ".join(trained)}{", generated towns" if "generated" in training["crops"] else ""}. Validated on: {", ".join(scores["places"])}."""


def network_section(recipe: Recipe, scores: dict, made: dict) -> str:
    left, top, right, bottom = receptive_field(recipe.architecture)
    parts = f"{recipe.architecture.__name__.replace('Unet', 'UNet').replace('Fcn', 'FCN')} on MobileNetV2's first {len(BLOCKS)} blocks"
    if recipe.architecture is Unet:
        parts += f", decoder widths {'-'.join(map(str, WIDTHS))}, nearest up-sampling,\nsub-pixel head of 2x2"
    else:
        parts += f", features of strides 16, 8 and 4 summed\nat {FCN_WIDTH} channels, sub-pixel head of 4x4"
    sizes = ", ".join(
        f"{each['file:size']:,} bytes ({each['href']})" for each in made["assets"].values() if "file:size" in each
    )
    return f"""{parts}; {parameters(recipe):,} parameters; {sizes}. Total stride {STRIDE}.
Receptive field in pixels: {left} to the left, {top} to the top, {right} to the right, {bottom} to the bottom, by gradients; halo {halo(recipe.architecture)}. No
operation looks further, so stitched chips equal one pass over the whole scene byte by byte on the CPU."""


def limits_section(recipe: Recipe, scores: dict, data: Path) -> str:
    """The weak spots, from the scores; then what was seen by eye."""
    low, high = recipe.gsd_range_m
    full = scores["full"]
    classes = recipe.classes
    lines = [
        f"For imagery of {low:g} to {high:g} m; an object of less than about six pixels of {recipe.gsd_m:g} m is lost or merged."
    ]
    worst = min(full["iou"], key=full["iou"].get)
    lines.append(f"Weakest class on {' + '.join(full['places'])}: {worst}, IoU {full['iou'][worst]:.2f}.")
    told = {name: score["iou"]["building"] for name, score in scores["places"].items() if "building" in score["iou"]}
    least, most = min(told, key=told.get), max(told, key=told.get)
    lines.append(
        f"Buildings by place: from {told[least]:.2f} ({least}) to {told[most]:.2f} ({most}); so much does a place matter."
    )
    for share, row, column in sorted(mistakes(full["confusion"]), reverse=True)[:3]:
        lines.append(f"{share:.0%} of {classes[row]} is taken for {classes[column]}.")
    crops = scores["training"]["crops"]
    whole = {name: number for name, number in crops.items() if name.startswith("dubai")}
    if not recipe.planes and whole:
        share = sum(whole.values()) / sum(number for name, number in crops.items() if name != "generated")
        kinds = {kind_of(place) for place in read_places(data, "train") if place["place"] in crops}
        rest = "road and water" if "vegetation-only" in kinds else "road, vegetation and water"
        lines.append(
            f"One city, Dubai, gave {share:.0%} of the real crops and nearly all full labels: {rest} "
            "elsewhere rest on augmentation and a few small places. Expect less in other climates."
        )
    errors = {name: scores["places"][name]["ece"] for name in full["places"]}
    errors = {name: error for name, error in errors.items() if error is not None}
    if errors:
        worst = max(errors, key=errors.get)
        lines.append(
            f"Scores are probabilities on average, not everywhere: calibration error {errors[worst]:.3f} on {worst}."
        )
    else:
        lines.append("Whether scores are probabilities cannot be told: no place has all its classes labelled.")
    text = "\n".join(f"- {line}" for line in lines)
    return text + (f"\n\nSeen by eye:\n\n{scores['seen']}" if "seen" in scores else "")


def mistakes(confusion: list[list[int]]) -> list[tuple[float, int, int]]:
    """(share of the row, row, column) of everything off the diagonal."""
    found = []
    for row, counts in enumerate(confusion):
        total = sum(counts)
        found += [(n / total, row, column) for column, n in enumerate(counts) if total and column != row]
    return found


def data_section(scores: dict, data: Path) -> str:
    """Origin, licence and attribution of every place that taught or scored this network."""
    told = json.loads((HERE / "sources.json").read_text())
    used = {*scores["training"]["crops"], *scores["places"]}
    rows = []
    for source in told["sources"]:
        if places := [place for place in source["places"] if place in used]:
            cells = [", ".join(places), source["gsd_m"], source["labels"], source["repository"], source["licence"]]
            rows.append(f"| {' | '.join(cells)} |")
    known = {place for source in told["sources"] for place in source["places"]}
    rows += [f"| {place} | | | | not stated |" for place in sorted(used - known - {"generated"})]
    head = table_head(["places", "GSD m", "labels", "repository", "licence and attribution"])
    generated = f" {told['generated']}" if "generated" in used else ""
    return f"{told['legend']}\n\n{head}\n{chr(10).join(rows)}\n\nThe encoder starts from {told['encoder']}.{generated}"


def appendix(recipe: Recipe) -> str:
    """The tables of experiments.json that concern this network."""
    tables = json.loads((HERE / "experiments.json").read_text())
    parts = []
    for table in tables:
        if recipe.name in table["networks"]:
            rows = "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in table["rows"])
            parts.append(f"{table['about']}\n\n{table_head(table['columns'])}\n{rows}")
    return "\n\n".join(parts)


def table_head(columns: list[str]) -> str:
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def score_row(recipe: Recipe, name: str, score: dict) -> str:
    """One line of a score table."""
    values = [f"{score['iou'][c]:.3f}" if c in score["iou"] else "" for c in recipe.classes]
    mean = f"{score['miou']:.3f}" if len(score["iou"]) > 1 else ""
    error = f"{score['ece']:.3f}" if score["ece"] is not None and len(score["iou"]) == len(recipe.classes) else ""
    return f"| {name} | {mean} | {' | '.join(values)} | {error} |"


def confusion_table(recipe: Recipe, confusion: list[list[int]]) -> str:
    rows = []
    for name, counts in zip(recipe.classes, confusion, strict=True):
        total = max(1, sum(counts))
        rows.append(f"| {name} | " + " | ".join(f"{100 * n / total:.1f}" for n in counts) + " |")
    return "\n".join([table_head(["", *recipe.classes]), *rows])


def listing(figures: dict) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in figures.items())


if __name__ == "__main__":
    main()
