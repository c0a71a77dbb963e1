"""Logits and label codes in, one number out: cross-entropy and Dice where, and only where, something is known.

Full labels (0..4) say everything about a pixel; 254 says that it is not a building, 253 that it is not a road.
"""

import torch
import torch.nn.functional as F

from data import NOT_BUILDING, NOT_ROAD

BUILDING, ROAD = 1, 2
# The rarer classes count more; their IoU weighs as much as that of desert and sea.
CLASS_WEIGHTS = (1.0, 2.0, 1.7, 1.7, 1.0)


def segmentation_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Mean weighted cross-entropy plus 0.6 times the Dice loss of the classes known in the batch.

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
    for code, number in ((NOT_BUILDING, BUILDING), (NOT_ROAD, ROAD)):
        known = label == code
        if known.any():
            entropy = entropy - torch.log1p(-p[:, number].clamp(max=1 - 1e-4))[known].sum()
            total = total + known.sum()

    dice = []
    for number in range(classes):
        known = full
        if number == BUILDING:
            known = full | (label == NOT_BUILDING)
        elif number == ROAD:
            known = full | (label == NOT_ROAD)
        truth = (label == number).float()
        if truth.sum() < 50:
            continue
        ours = p[:, number] * known
        dice.append(1 - (2 * (ours * truth).sum() + 50) / (ours.sum() + truth.sum() + 50))
    loss = entropy / total.clamp(min=1)
    return loss + 0.6 * torch.stack(dice).mean() if dice else loss
