"""Logits and label codes in, one number out: cross-entropy and Dice where, and only where, something is known.

Full labels (0..4) say everything about a pixel; 254 says that it is not a building, 253 that it is not a road, 252 that
it is not vegetation.
"""

import torch
import torch.nn.functional as F

from data import IGNORE, RULED_OUT
from instances import BUILDING as BUILDING_BIT
from instances import TOUCHING as TOUCHING_BIT
from instances import UNKNOWN as UNKNOWN_BIT

# The rarer classes count more; their IoU weighs as much as that of desert and sea.
CLASS_WEIGHTS = (1.0, 2.0, 2.5, 1.7, 1.0)
# For buildings-unet: towns elsewhere are denser than those of the training places, and borders are rare.
BUILDING_WEIGHT = 2.5
TOUCHING_WEIGHT = 15.0


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Mean weighted cross-entropy plus the Dice loss of the classes known in the batch.

    logits [N,5,H,W] float, label [N,H,W] uint8 codes.
    """
    classes = logits.shape[1]
    log_p = F.log_softmax(logits, 1)
    p = log_p.exp()
    label = label.long()
    full = label < classes
    weights = torch.tensor(CLASS_WEIGHTS)

    target = label.where(full, torch.zeros_like(label))
    weight = weights[target] * full
    entropy = -(log_p.gather(1, target[:, None])[:, 0] * weight).sum()
    total = weight.sum()
    for code, number in RULED_OUT.items():
        known = label == code
        if known.any():
            entropy = entropy - torch.log1p(-p[:, number].clamp(max=1 - 1e-4))[known].sum()
            total = total + known.sum()

    dice = []
    for number in range(classes):
        known = full
        for code, ruled_out in RULED_OUT.items():
            if number == ruled_out:
                known = full | (label == code)
        truth = (label == number).float()
        if truth.sum() < 50:
            continue
        ours = p[:, number] * known
        dice.append(1 - (2 * (ours * truth).sum() + 50) / (ours.sum() + truth.sum() + 50))
    loss = entropy / total.clamp(min=1)
    return loss + torch.stack(dice).mean() if dice else loss


def building_loss(logits: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus Dice of the building plane, and a third of the same of the touching-border plane.

    logits [N,2,H,W] float, codes [N,H,W] uint8 of instances.py. Touching borders are rare and weigh more.
    """
    codes = codes.long()
    known = codes != IGNORE
    building = ((codes & BUILDING_BIT) > 0) & known
    touching = ((codes & TOUCHING_BIT) > 0) & known
    border = known & ((codes & UNKNOWN_BIT) == 0)
    objects = plane_loss(logits[:, 0], building, known, BUILDING_WEIGHT)
    return objects + plane_loss(logits[:, 1], touching, border, TOUCHING_WEIGHT) / 3


def plane_loss(logit: torch.Tensor, truth: torch.Tensor, known: torch.Tensor, weight: float) -> torch.Tensor:
    """Binary cross-entropy, positives times `weight`, plus Dice where something is there; all [N,H,W]."""
    target = truth.float()
    each = F.binary_cross_entropy_with_logits(logit, target, reduction="none", pos_weight=torch.tensor(weight))
    loss = (each * known).sum() / known.sum().clamp(min=1)
    if target.sum() < 50:
        return loss
    p = logit.sigmoid() * known
    return loss + 1 - (2 * (p * target).sum() + 50) / (p.sum() + target.sum() + 50)


def distillation_loss(logits: torch.Tensor, wanted: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence from a teacher's probabilities [N,5,H,W], on all pixels, labelled or not, where no
    label [N,H,W] says that the teacher's answer is wrong."""
    answer, label = wanted.argmax(1), label.long()
    wrong = (label < logits.shape[1]) & (answer != label)
    for code, number in RULED_OUT.items():
        wrong |= (label == code) & (answer == number)
    each = F.kl_div(F.log_softmax(logits, 1), wanted, reduction="none").sum(1)
    return (each * ~wrong).mean()
